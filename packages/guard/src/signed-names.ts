import type { Lookup, TrustClient } from '@waxseal/trust/client'
import { TrustError } from '@waxseal/trust/client'
import { MAX_RECORD_BYTES } from './limits.ts'
import { unverified } from './failures.ts'
import { GuardError } from './error.ts'
import { developerTarget, readNameRecord, recordTarget } from './name-record.ts'
import type { NameRecord } from './name-record.ts'

/** What is signed about a name itself, beside its page. */
export interface SignedName {
  readonly record: NameRecord | undefined
  /** Whether keys that the server does not hold vouch for the record. */
  readonly sealed: boolean
  /** Whether the project's files need its developers' keys. */
  readonly hasDevelopers: boolean
}

/** What developers signed, by file name. */
export type DeveloperFiles = ReadonlyMap<string, { readonly sha256: string; readonly sealed: boolean }>

/**
 * Looks up the record of a name, and whether its developers sign (design.md section 7): sealed roles come before claimed ones, by
 * the order of delegations.
 * @throws GuardError `page-unverified`, `index-unreachable`, or `name-refused` for a record that is not understood
 */
export async function lookUpName(client: TrustClient, project: string): Promise<SignedName> {
  return await explained(project, async () => {
    const found = await client.find(recordTarget(project))
    const record = found.kind === 'found' ? await readRecord(client, project, found) : undefined
    // The role is asked for every file of the project, or for none: any name tells.
    const probe = await client.find(developerTarget(project, project))
    const roles = probe.kind === 'found' ? probe.chain : probe.visited
    const sealed = found.kind === 'found' && isSealed(found.chain)
    return { record, sealed, hasDevelopers: roles.includes(developerRole(project)) }
  })
}

/** What the developers of a project signed of these files. @throws GuardError as `lookUpName` */
export async function lookUpDevelopers(
  client: TrustClient,
  project: string,
  files: readonly string[],
): Promise<DeveloperFiles> {
  return await explained(project, async () => {
    const signed = new Map<string, { readonly sha256: string; readonly sealed: boolean }>()
    for (const filename of files) {
      const found = await client.find(developerTarget(project, filename))
      if (found.kind === 'absent' || found.chain.at(-1) !== developerRole(project)) continue
      const sha256 = found.file.hashes.get('sha256')
      if (sha256 !== undefined) signed.set(filename, { sha256, sealed: isSealed(found.chain) })
    }
    return signed
  })
}

async function explained<T>(project: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`Who answers for ${project}`, error, { project })
    throw error
  }
}

function developerRole(project: string): string {
  return `p.${project}`
}

async function readRecord(
  client: TrustClient,
  project: string,
  { path, file }: Extract<Lookup, { kind: 'found' }>,
): Promise<NameRecord> {
  if (file.length > MAX_RECORD_BYTES) throw new GuardError('name-refused', `The record of ${project} is too large.`)
  const pieces: Uint8Array[] = []
  for await (const piece of client.download(path, file)) pieces.push(piece)
  return readNameRecord(project, Buffer.concat(pieces))
}

function isSealed(chain: readonly string[]): boolean {
  return chain.some((role) => role.startsWith('sealed-'))
}
