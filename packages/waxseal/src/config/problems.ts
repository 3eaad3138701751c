import { forTerminal } from '@waxseal/packaging'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import type { ConfigFile } from './read-file.ts'

/** Where a value comes from. */
export type Source =
  | { readonly kind: 'option'; readonly flag: string }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file' }
  | { readonly kind: 'default' }

/** Something wrong, or doubtful, about one value. */
export interface Problem {
  /** Where the key stands in the configuration; array indexes included. Empty: the whole. */
  readonly path: readonly PropertyKey[]
  readonly source: Source
  /** What is wrong, to follow the name of the key: "wants a number, not text". */
  readonly message: string
}

/** A problem as scripts get it. */
export interface ToldProblem {
  readonly source: Source['kind']
  readonly file?: string
  readonly line?: number
  readonly key: string
  readonly message: string
}

/** Tells file, line and key of each problem, in the order of the file. The parser with positions is loaded only here. */
export async function tellProblems(
  problems: readonly Problem[],
  file: ConfigFile | undefined,
): Promise<readonly ToldProblem[]> {
  if (problems.length === 0) return []
  const lineOf =
    file !== undefined && problems.some(({ source }) => source.kind === 'file')
      ? (await import('./locate.ts')).locator(file.text)
      : () => undefined
  const told = problems.map(({ path, source, message }) => {
    const key = source.kind === 'option' ? source.flag : source.kind === 'environment' ? source.variable : dotted(path)
    const line = source.kind === 'file' ? lineOf(path) : undefined
    return {
      source: source.kind,
      ...(source.kind === 'file' && file !== undefined ? { file: file.path } : {}),
      ...(line === undefined ? {} : { line }),
      key,
      message,
    }
  })
  return told.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

/** `waxseal.toml, line 3, reading: wants …`. */
export function problemLine({ file, line, key, message }: ToldProblem): string {
  const where = [file, line === undefined ? undefined : `line ${line}`, key === '' ? undefined : key]
  return forTerminal(`${where.filter((part) => part !== undefined).join(', ')}: ${message}`)
}

/** A configuration that cannot be used, every reason told. */
export function invalidConfig(
  told: readonly ToldProblem[],
  { warnings, cause }: { readonly warnings?: readonly string[]; readonly cause?: unknown } = {},
): CommandError {
  const lines = told.map(problemLine)
  const message =
    lines.length === 1 ? `${lines[0]}` : `The configuration has ${lines.length} problems:\n  ${lines.join('\n  ')}`
  const data = { problems: told, ...(warnings === undefined ? {} : { warnings }) }
  return new CommandError('config-invalid', message, EXIT_USAGE, { cause, data })
}

/** `uploads.max-file-size`, `prefixes[1]`; what is no bare key is quoted, as the file would have it. */
export function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`
      const name = String(part)
      return `.${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)}`
    })
    .join('')
    .replace(/^\./, '')
}
