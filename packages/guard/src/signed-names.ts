import { developerTarget, readNameRecord, recordTarget, shardOf } from '@waxseal/index/names'
import type { NameRecord } from '@waxseal/index/names'
import type { TargetFile, TrustClient } from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { MAX_RECORD_BYTES } from './limits.ts'
import { explained, readSigned } from './signed-document.ts'
import type { DocumentSource, SignedDocument } from './signed-document.ts'

/** What is signed about a name itself, beside its page. */
export interface SignedName {
  /** The sealed record where there is one, else the claimed one: by the order of delegations. */
  readonly record: SignedDocument<NameRecord> | undefined
  /** Whether keys that the server does not hold vouch for the record. */
  readonly sealed: boolean
  /** The version of the shard in which holders seal names like this one. */
  readonly shard: number
  /** Whether the project's files need its developers' keys. */
  readonly hasDevelopers: boolean
  /** What is odd about it and no way in: for people. */
  readonly notes: readonly string[]
}

/** What developers signed, by file name. */
export type DeveloperFiles = ReadonlyMap<string, { readonly sha256: string; readonly sealed: boolean }>

/**
 * Looks up the record of a name, and whether its developers sign (design.md section 7): sealed roles come before claimed ones, by
 * the order of delegations. Where record and delegation say different things, nothing is handed on (attacks.md 6.3).
 * @throws GuardError `page-unverified`, `index-unreachable`, or `name-refused` for a record that is not understood
 */
export async function lookUpName(source: DocumentSource, project: string): Promise<SignedName> {
  const { client } = source
  const about = `Who answers for ${project}`
  const path = recordTarget(project)
  const found = await explained(about, () => client.find(path), { project })
  // The role is asked for every file of the project, or for none: any name tells.
  const probe = await explained(about, () => client.find(developerTarget(project, project)), { project })
  const roles = probe.kind === 'found' ? probe.chain : probe.visited
  const hasDevelopers = roles.includes(developerRole(project))
  const shard = await explained(about, () => client.version(['targets', `sealed-${shardOf(project)}`]), { project })
  if (found.kind === 'absent') return { record: undefined, sealed: false, shard, hasDevelopers, notes: [] }
  const record = await readRecord(source, project, found.file)
  const sealed = isSealed(found.chain)
  if (!sealed) {
    if (hasDevelopers && isUnderSeal(roles, project)) throw disagreement(project)
    return { record, sealed, shard, hasDevelopers, notes: [] }
  }
  const chain = ['targets', `claimed-${shardOf(project)}`]
  const claimed = await explained(about, () => client.findIn(chain, path), { project })
  const notes = claimed === undefined ? [] : await claimedNotes(source, project, record, claimed)
  return { record, sealed, shard, hasDevelopers, notes }
}

/** What the developers of a project signed of these files. @throws GuardError as `lookUpName` */
export async function lookUpDevelopers(
  client: TrustClient,
  project: string,
  files: readonly string[],
): Promise<DeveloperFiles> {
  return await explained(
    `Who answers for ${project}`,
    async () => {
      const signed = new Map<string, { readonly sha256: string; readonly sealed: boolean }>()
      for (const filename of files) {
        const found = await client.find(developerTarget(project, filename))
        if (found.kind === 'absent' || found.chain.at(-1) !== developerRole(project)) continue
        const sha256 = found.file.hashes.get('sha256')
        if (sha256 !== undefined) signed.set(filename, { sha256, sealed: isSealed(found.chain) })
      }
      return signed
    },
    { project },
  )
}

function developerRole(project: string): string {
  return `p.${project}`
}

async function readRecord(
  source: DocumentSource,
  project: string,
  file: TargetFile,
): Promise<SignedDocument<NameRecord>> {
  const what = `The record of ${project}`
  const read = (bytes: Uint8Array): NameRecord => readNameRecord(project, bytes)
  return await readSigned(source, recordTarget(project), file, { what, most: MAX_RECORD_BYTES, read })
}

/** Whether the sealed shard hands the files to the developers: `roles` are in the order in which they were asked. */
function isUnderSeal(roles: readonly string[], project: string): boolean {
  const claimed = roles.indexOf(`claimed-${shardOf(project)}`)
  return claimed === -1 || roles.indexOf(developerRole(project)) < claimed
}

/** What the server claims beside a seal is nobody's word; that it claims more is said. */
async function claimedNotes(
  source: DocumentSource,
  project: string,
  sealed: SignedDocument<NameRecord>,
  file: TargetFile,
): Promise<readonly string[]> {
  if (file.hashes.get('sha256') === sealed.sha256) return []
  let rev = 0
  try {
    rev = (await readRecord(source, project, file)).content.rev
  } catch (error) {
    // What cannot be had, or is not understood, has no say here.
    if (!(error instanceof GuardError)) throw error
  }
  if (rev <= sealed.content.rev) return []
  return [
    `The index claims a newer decision about ${project} (revision ${rev}) than its holders have sealed (revision ${sealed.content.rev}): what is sealed was gone by, until a holder runs waxseal seal.`,
  ]
}

function disagreement(project: string): GuardError {
  return new GuardError(
    'name-refused',
    `${project} was sealed with the keys of its developers, and its record is not sealed: one of the two is not right. Nothing of it is handed on. Ask whoever runs the index; a holder mends it with waxseal seal.`,
    { data: { project } },
  )
}

function isSealed(chain: readonly string[]): boolean {
  return chain.some((role) => role.startsWith('sealed-'))
}
