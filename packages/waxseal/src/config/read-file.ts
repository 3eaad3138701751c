import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { DEFAULT_DATA } from './defaults.ts'
import { invalidConfig } from './problems.ts'

/** A configuration file that could be read and is TOML; whether its keys are right is not said yet. */
export interface ConfigFile {
  /** As it was given or found. */
  readonly path: string
  readonly text: string
  readonly values: unknown
}

export const CONFIG_NAME = 'waxseal.toml'

/**
 * The configuration file that holds: `config` (an option) or `WAXSEAL_CONFIG`, which have to be there; else the first
 * that there is of `waxseal.toml` in the data folder that was given, here, and in the default data folder.
 */
export function findConfigFile(
  { config, data }: { readonly config?: string; readonly data?: string },
  env: NodeJS.ProcessEnv,
): string | undefined {
  const named = config ?? (env['WAXSEAL_CONFIG'] || undefined)
  if (named !== undefined) return named
  const given = data ?? (env['WAXSEAL_DATA'] || undefined)
  const places = [
    ...(given === undefined ? [] : [join(given, CONFIG_NAME)]),
    CONFIG_NAME,
    join(DEFAULT_DATA, CONFIG_NAME),
  ]
  return places.find((place) => existsSync(place))
}

/** Where a configuration file is made when there is none, so that it is the next one found. */
export function newConfigFile({ data }: { readonly data?: string }, env: NodeJS.ProcessEnv): string {
  return join(data ?? (env['WAXSEAL_DATA'] || '.'), CONFIG_NAME)
}

/** With `contents`, those instead of what it holds. Throws CommandError `config-invalid` when it cannot be read or is not TOML. */
export function readConfigFile(path: string, contents?: string): ConfigFile {
  const text = contents ?? readConfigText(path)
  try {
    return { path, text, values: parse(text) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const message = `this is not TOML: ${syntaxProblem(error, text)}`
    throw invalidConfig([{ source: 'file', file: path, key: '', line: error.line, message }], { cause: error })
  }
}

function readConfigText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'there is no such file' : reason(error)
    const message = `the configuration file cannot be read: ${why}`
    throw invalidConfig([{ source: 'file', file: path, key: '', message }], { cause: error })
  }
}

/** What the parser says, but for the piece of the file that it repeats, where a secret may stand. */
function syntaxProblem({ message, line, column }: TomlError, text: string): string {
  const length = text.split('\n')[line - 1]?.replace(/\r$/, '').length ?? 0
  const said = (message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '')
  // Of text without its second quote the parser only says that the end of the line is a control character.
  const unended = said.startsWith('control characters') && column > length
  return unended ? 'a quote is missing where the text ends' : said
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
