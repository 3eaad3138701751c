import { dirname, resolve } from 'node:path'
import { DEFAULT_UPSTREAM } from './defaults.ts'
import { environmentOverlay } from './environment.ts'
import { complaintsOf } from './issues.ts'
import type { ConfigOptions } from './options.ts'
import { optionsOverlay } from './options.ts'
import type { Setting } from './overlay.ts'
import { overlaid, without } from './overlay.ts'
import type { Problem, Source } from './problems.ts'
import type { ConfigFile } from './read-file.ts'
import { findConfigFile, readConfigFile } from './read-file.ts'
import type { ConfigValues } from './schema.ts'
import { configSchema } from './schema.ts'

/** File, environment and options put together, and where each value comes from. */
export interface Settings {
  readonly file: ConfigFile | undefined
  /** What is valid of it: with problems, the rest. */
  readonly values: ConfigValues
  readonly problems: readonly Problem[]
  readonly sourceOf: (path: readonly PropertyKey[]) => Source
  /** The path that `value` of the key at `path` means: in the file, from the file's folder; else from here. */
  readonly resolvePath: (path: readonly PropertyKey[], value: string) => string
}

/** Reads options, environment and file, the first of them winning. Throws CommandError when the file is not TOML. */
export function readSettings(options: ConfigOptions, env: NodeJS.ProcessEnv): Settings {
  const found = options.noFile === true ? undefined : findConfigFile(options, env)
  const file = found === undefined ? undefined : readConfigFile(found, options.contents)
  const layers = [environmentOverlay(env), optionsOverlay(options)]
  const settings = layers.flatMap((layer) => layer.settings)
  const sourceOf = sourcesOf(settings, file)
  const whole = overlaid(file?.values, settings)
  const parsed = configSchema.safeParse(whole)
  const problems = [
    // What the file says wrongly is told although something else overrides it today.
    ...problemsIn(file?.values ?? {}, () => ({ kind: 'file' })),
    ...problemsIn(whole, sourceOf).filter(({ source }) => source.kind === 'option' || source.kind === 'environment'),
    ...layers.flatMap((layer) => layer.problems),
  ]
  return {
    file,
    values: parsed.success ? parsed.data : validPart(whole, problems),
    problems,
    sourceOf,
    resolvePath: (path, value) =>
      file !== undefined && sourceOf(path).kind === 'file' ? resolve(dirname(file.path), value) : resolve(value),
  }
}

function problemsIn(values: unknown, sourceOf: (path: readonly PropertyKey[]) => Source): readonly Problem[] {
  const parsed = configSchema.safeParse(values)
  const complaints = parsed.success ? [] : parsed.error.issues.flatMap((issue) => complaintsOf(issue))
  return [...complaints, ...prototypeKeys(values, [])].map((complaint) => ({
    ...complaint,
    source: sourceOf(complaint.path),
  }))
}

/** zod passes these over in silence. */
function prototypeKeys(
  values: unknown,
  path: readonly string[],
): readonly { path: readonly string[]; message: string }[] {
  if (typeof values !== 'object' || values === null) return []
  return Object.entries(values).flatMap(([name, value]: readonly [string, unknown]) =>
    name === '__proto__'
      ? [{ path: [...path, name], message: 'there is no such key.' }]
      : prototypeKeys(value, [...path, name]),
  )
}

/** What is left without the keys that are wrong, so that what is wrong beyond the schema is told at once too. */
function validPart(whole: Record<string, unknown>, problems: readonly Problem[]): ConfigValues {
  const wrong = problems.map(({ path }) => path)
  // The keys that have to be there.
  const urls = problems.flatMap(({ path: [table, name, key] }) =>
    (table === 'upstream' || table === 'webhook') && key === 'url'
      ? [{ path: [table, String(name), 'url'], value: DEFAULT_UPSTREAM.url, source: { kind: 'default' } as const }]
      : [],
  )
  const rest = configSchema.safeParse(overlaid(without(whole, wrong), urls))
  return rest.success ? rest.data : {}
}

function sourcesOf(settings: readonly Setting[], file: ConfigFile | undefined): Settings['sourceOf'] {
  return (path) => {
    const setting = settings.findLast((one) => one.path.every((name, at) => name === path[at]))
    if (setting !== undefined) return setting.source
    return isThere(file?.values, path) ? { kind: 'file' } : { kind: 'default' }
  }
}

function isThere(values: unknown, path: readonly PropertyKey[]): boolean {
  const [name, ...below] = path
  if (name === undefined) return true
  if (typeof values !== 'object' || values === null || !Object.hasOwn(values, name)) return false
  return isThere((values as Record<PropertyKey, unknown>)[name], below)
}
