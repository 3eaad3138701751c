import { expiriesOf, layoutOf } from '@waxseal/trust'
import type { RoleLayout, Urgency } from '@waxseal/trust'
import { roleGroup } from '../publish/role-table.ts'
import { readRoleTable } from '../publish/trust-settings.ts'
import type { Store } from '../store/store.ts'

/** How long the signatures of a kind of role still hold: of many, the one that ends first. */
export interface SigningRole {
  /** `root`, `timestamp`; `claimed` for all of its shards, `bin` for all bins. */
  readonly role: string
  /** ISO 8601. */
  readonly expires: string
  /** Whether a server renews it by itself; else its holders do, in a ceremony. */
  readonly online: boolean
  readonly urgency: Urgency
}

export interface SigningStatus {
  /** Versions. */
  readonly snapshot: number
  readonly root: number
  /** The first to end first. */
  readonly roles: readonly SigningRole[]
}

/** When the files end that are current, of each kind of role the first: what is read once and told for a while. */
export interface SigningDates {
  readonly layout: RoleLayout
  readonly files: readonly { readonly role: string; readonly version: number; readonly expires: number }[]
}

/** Undefined while the index is not signed. Reads no metadata, only its dates. @throws IndexError `storage-failed` */
export async function readSigningDates({ db }: Pick<Store, 'db'>): Promise<SigningDates | undefined> {
  const table = await readRoleTable(db)
  if (table === undefined) return undefined
  const current = db.selectFrom('tuf_file').where('superseded_at', 'is', null)
  const rows = await current.select(['role', 'version', 'expires_at']).execute()
  // A large index has 17,000 of them.
  const soonest = new Map<string, (typeof rows)[number]>()
  for (const row of rows) {
    const group = roleGroup(row.role)
    const known = soonest.get(group)
    if (known === undefined || row.expires_at < known.expires_at) soonest.set(group, row)
  }
  const files = Array.from(soonest.values(), ({ role, version, expires_at }) => {
    return { role, version, expires: Date.parse(expires_at) }
  })
  return { layout: layoutOf(table), files }
}

export function signingStatus({ layout, files }: SigningDates, now: number): SigningStatus {
  const roles = expiriesOf(layout, files, now).map(({ role, expires, online, urgency }) => {
    return { role: roleGroup(role), expires: new Date(expires).toISOString(), online, urgency }
  })
  const versionOf = (wanted: string): number => files.find(({ role }) => role === wanted)?.version ?? 0
  return { snapshot: versionOf('snapshot'), root: versionOf('root'), roles }
}

/** Whether somebody should look at it. */
export function needsAttention({ urgency }: SigningRole): boolean {
  return urgency === 'alarm' || urgency === 'expired'
}

/** What of it somebody should look at, in sentences that say what to do. */
export function signingAttention(roles: readonly SigningRole[]): readonly string[] {
  const said: string[] = []
  for (const urgency of ['expired', 'alarm'] as const) {
    for (const online of [false, true]) {
      const some = roles.filter((role) => role.urgency === urgency && role.online === online)
      const [first] = some
      if (first !== undefined) said.push(sentence(some.map(({ role }) => role).join(', '), first))
    }
  }
  return said
}

function sentence(names: string, { expires, online, urgency }: SigningRole): string {
  if (urgency === 'expired') {
    const until = online ? 'a server renews them' : 'their holders have signed again, in a ceremony: see docs/keys.md'
    return `The signatures of ${names} ended at ${expires}. Clients that verify refuse this index until ${until}.`
  }
  return online
    ? `The signatures of ${names} end at ${expires}, and should have been renewed by now: see what the server's log says of signatures.`
    : `The signatures of ${names} end at ${expires}. Nobody but their holders can renew them, in a ceremony: see docs/keys.md.`
}
