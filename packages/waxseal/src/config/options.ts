import type { Overlay } from './overlay.ts'

/** What the command line may say; it wins over environment and file. */
export interface ConfigOptions {
  readonly config?: string
  readonly data?: string
  readonly listen?: string | readonly string[]
  /** `NAME=URL` each. */
  readonly upstream?: readonly string[]
  /** False: `--no-upstream`. */
  readonly upstreams?: boolean
  readonly prefix?: readonly string[]
  readonly private?: boolean
  readonly readOnly?: boolean
  readonly offline?: boolean
  readonly publicUrl?: string
  readonly offlineKeys?: string
  /** True: no file is looked for. */
  readonly noFile?: boolean
  /** What the file `config` is to hold, instead of what it holds. */
  readonly contents?: string
}

/** What the options say about keys, and what of them cannot be read. */
export function optionsOverlay(options: ConfigOptions): Overlay {
  const overlay: Overlay = { settings: [], problems: [] }
  const set = (path: string, flag: string, value: unknown): void => {
    if (value !== undefined) overlay.settings.push({ path: [path], value, source: { kind: 'option', flag } })
  }
  set('data', '--data', options.data)
  set('listen', '--listen', options.listen)
  set('reading', '--private', options.private === true ? 'private' : undefined)
  set('read-only', '--read-only', options.readOnly)
  set('offline', '--offline', options.offline)
  set('offline-keys', '--offline-keys', options.offlineKeys)
  set('public-url', '--public-url', options.publicUrl)
  set('prefixes', '--prefix', options.prefix)
  if (options.upstreams === false) set('upstream', '--no-upstream', Object.create(null))
  else if (options.upstream !== undefined) set('upstream', '--upstream', upstreamTables(options.upstream, overlay))
  return overlay
}

function upstreamTables(texts: readonly string[], { problems }: Overlay): unknown {
  const tables: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  const source = { kind: 'option', flag: '--upstream' } as const
  for (const text of texts) {
    const equals = text.indexOf('=')
    const name = text.slice(0, equals)
    if (equals < 1) {
      problems.push({
        path: ['upstream'],
        source,
        message: 'wants NAME=URL, for example pypi=https://pypi.org/simple/',
      })
    } else if (Object.hasOwn(tables, name)) {
      problems.push({ path: ['upstream', name], source, message: `the upstream ${name} is given twice` })
    } else tables[name] = { url: text.slice(equals + 1) }
  }
  return tables
}
