import { CONFIG_TABLES } from './keys.ts'
import type { ConfigKey } from './keys.ts'
import type { CheckedConfig } from './load.ts'
import type { ToldProblem } from './problems.ts'
import { dotted, tellProblems } from './problems.ts'
import { redactUrl } from '@waxseal/guard/redact'

/** One key with the value that holds and where it comes from. Secrets are blanked out. */
export interface EffectiveSetting {
  readonly key: string
  /** Null: there is none, and `otherwise` says what holds instead. */
  readonly value: unknown
  readonly otherwise?: string
  readonly from: 'option' | 'environment' | 'file' | 'default'
  /** The option, the variable, or the file. */
  readonly source?: string
  readonly line?: number
}

/** Every key that holds, in the order of the documentation. */
export async function effectiveSettings({ config, settings }: CheckedConfig): Promise<readonly EffectiveSetting[]> {
  const { values } = settings
  const rows: { readonly path: readonly string[]; readonly key: ConfigKey; readonly value: unknown }[] = []
  for (const { path: table, keys } of CONFIG_TABLES) {
    // Keys below a name are those of each that is configured, the built-in upstream included.
    const named = table[0] === 'webhook' ? config.index.webhooks : config.index.upstreams
    const tables = table.at(-1) === 'NAME' ? named.map(({ name }) => [...table.slice(0, -1), name]) : [table]
    for (const place of tables) {
      for (const key of keys) {
        const path = [...place, key.path.at(-1) ?? '']
        rows.push({ path, key, value: valueAt(values, path) })
      }
    }
  }
  const places = await tellProblems(
    rows.map(({ path }) => ({ path, source: settings.sourceOf(path), message: dotted(path) })),
    settings.file,
  )
  const byPath = new Map(places.map((place) => [place.message, place]))
  return rows.map(({ path, key, value }) => {
    const shown = value ?? key.about.default ?? builtIn(config, path)
    return {
      key: dotted(path),
      value: shown === undefined ? null : redacted(key, shown, path, settings.resolvePath),
      ...(shown === undefined && key.about.otherwise !== undefined ? { otherwise: key.about.otherwise } : {}),
      ...origin(byPath.get(dotted(path))),
    }
  })
}

function origin(place: ToldProblem | undefined): Pick<EffectiveSetting, 'from' | 'source' | 'line'> {
  if (place === undefined || place.source === 'default') return { from: 'default' }
  if (place.source !== 'file') return { from: place.source, source: place.key }
  const { file, line } = place
  return { from: 'file', ...(file === undefined ? {} : { source: file }), ...(line === undefined ? {} : { line }) }
}

function valueAt(values: unknown, path: readonly string[]): unknown {
  let value = values
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** The upstream that holds when none is configured. */
function builtIn({ index }: CheckedConfig['config'], [table, name, key]: readonly string[]): unknown {
  if (table !== 'upstream' || key !== 'url') return undefined
  return index.upstreams.find((upstream) => upstream.name === name)?.url
}

function redacted(
  { about }: ConfigKey,
  value: unknown,
  path: readonly string[],
  resolvePath: (path: readonly string[], value: string) => string,
): unknown {
  if (typeof value !== 'string') return value
  if (about.type === 'path' && path[0] !== 'accel-redirect') return resolvePath(path, value)
  const url = URL.parse(value)
  return about.secret === true || url?.username || url?.password ? redactUrl(value) : value
}
