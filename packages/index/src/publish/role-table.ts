import type { NamedRow, RoleRow, RoleTable } from '@waxseal/trust'

/** How many bins the pages are spread over: 2 to this power (design.md section 7). */
export const REPOSITORY_SIZES = { small: 8, normal: 10, large: 14 } as const
export type RepositorySize = keyof typeof REPOSITORY_SIZES

/** The keys that a server holds, each with a file or a service of its own. */
export const ONLINE_KEYS = ['timestamp', 'snapshot', 'deny', 'names', 'select', 'pages'] as const
export type OnlineKey = (typeof ONLINE_KEYS)[number]

/** The keys that people hold, away from the server. */
export const OFFLINE_KEYS = ['root', 'targets'] as const
export type OfflineKey = (typeof OFFLINE_KEYS)[number]

const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const OFFLINE = { life: YEAR, renewAfter: (YEAR * 2) / 3, online: false }
const online = (key: OnlineKey): RoleRow => ({
  keys: [key],
  threshold: 1,
  life: 90 * DAY,
  renewAfter: 60 * DAY,
  online: true,
})

/** Who signs for root and for targets: names of their keys, and how many of them must. */
export interface OfflineHolders {
  readonly keys: readonly string[]
  readonly threshold: number
}

/**
 * The roles of an index and the paths they may speak for (design.md section 7): created whole, empty ones included, since no
 * later change may alter a pattern in `targets`. The pattern of a name's shard has its two digits; `*` is a whole segment.
 */
export function roleTable(size: RepositorySize, holders: Readonly<Record<OfflineKey, OfflineHolders>>): RoleTable {
  const targets: RoleRow = { ...holders.targets, ...OFFLINE }
  const delegated = (name: string, row: RoleRow, paths: readonly string[], terminating = true): NamedRow => ({
    ...row,
    name,
    delegator: 'targets',
    paths,
    terminating,
  })
  const shards = (kind: 'sealed' | 'claimed', row: RoleRow, terminating: boolean): readonly NamedRow[] =>
    SHARDS.map((hh) => delegated(`${kind}-${hh}`, row, [`names/${hh}/*`, `projects/${hh}/*/*`], terminating))
  return {
    top: {
      root: { ...holders.root, ...OFFLINE },
      targets,
      snapshot: { ...online('snapshot'), life: 7 * DAY, renewAfter: DAY },
      timestamp: { ...online('timestamp'), life: DAY, renewAfter: HOUR },
    },
    named: [
      delegated('deny', online('deny'), ['deny/*']),
      // What people sealed comes first; what they did not is left to what the server claimed.
      ...shards('sealed', targets, false),
      ...shards('claimed', online('names'), true),
      delegated('select', online('select'), ['select/*/*']),
      ...SHARDS.map((hh) => ({
        ...delegated(`select-${hh}`, online('select'), [`select/${hh}/*`]),
        delegator: 'select',
      })),
      delegated('lists', online('select'), ['lists/*/*']),
      delegated('bins', targets, ['simple/*/*', 'i/*/simple/*/*']),
    ],
    succinct: [
      { ...online('pages'), delegator: 'bins', bins: { bitLength: REPOSITORY_SIZES[size], namePrefix: 'bin' } },
    ],
    later: { life: YEAR, renewAfter: (YEAR * 2) / 3, hashes: true },
  }
}

/** The roles whose keys lie on the server, whatever an index is like; bins by their prefix. */
export function serversRoles(): ReadonlySet<string> {
  const { top, named, succinct } = roleTable('normal', { root: NOBODY, targets: NOBODY })
  const rows = [
    ...Object.entries(top),
    ...named.map((row) => [row.name, row] as const),
    ...succinct.map((row) => [row.bins.namePrefix, row] as const),
  ]
  return new Set(rows.flatMap(([role, row]) => (row.online ? [role] : [])))
}

const NOBODY: OfflineHolders = { keys: [], threshold: 1 }

const SHARDS: readonly string[] = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'))

/** The target path of a project's page. */
export function pageTarget(project: string): string {
  return `simple/${project}/index.json`
}

/** What a role is counted under where each shard and bin would be too many: `claimed` of `claimed-a7`, `bin` of `bin-3ff`. */
export function roleGroup(role: string): string {
  if (role.startsWith('p.')) return 'projects'
  return role.replace(/-[\da-f]+$/, '')
}

/** The project whose page a target path is; undefined where it is another target's. */
export function projectOfTarget(path: string): string | undefined {
  return /^simple\/([^/]+)\/index\.json$/.exec(path)?.[1]
}
