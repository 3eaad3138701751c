import type { Lookup, TrustClient } from '@waxseal/trust'
import { TrustError } from '@waxseal/trust'
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
  /** What the developers signed, by file name; undefined: the project has no keys of its own. */
  readonly developers: ReadonlyMap<string, { readonly sha256: string; readonly sealed: boolean }> | undefined
}

/**
 * Looks up the record of a name and what its developers signed (design.md section 7): sealed roles come before claimed ones, by
 * the order of delegations.
 * @param files names of the files that the page lists
 * @throws GuardError `page-unverified`, or `name-refused` for a record that is not understood
 */
export async function lookUpName(client: TrustClient, project: string, files: readonly string[]): Promise<SignedName> {
  try {
    const found = await client.find(recordTarget(project))
    const record = found.kind === 'found' ? await readRecord(client, project, found) : undefined
    const sealed = found.kind === 'found' && isSealed(found.chain)
    return { record, sealed, developers: await lookUpDevelopers(client, project, files) }
  } catch (error) {
    if (error instanceof TrustError) throw unverified(`Who answers for ${project}`, error, { project })
    throw error
  }
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

async function lookUpDevelopers(
  client: TrustClient,
  project: string,
  files: readonly string[],
): Promise<SignedName['developers']> {
  const role = `p.${project}`
  const signed = new Map<string, { readonly sha256: string; readonly sealed: boolean }>()
  for (const filename of files) {
    const found = await client.find(developerTarget(project, filename))
    const roles = found.kind === 'found' ? found.chain : found.visited
    // The first look tells: the role is asked for every file of the project, or for none.
    if (!roles.includes(role)) return undefined
    const sha256 = found.kind === 'found' ? found.file.hashes.get('sha256') : undefined
    if (found.kind === 'found' && found.chain.at(-1) === role && sha256 !== undefined) {
      signed.set(filename, { sha256, sealed: isSealed(found.chain) })
    }
  }
  return files.length === 0 ? undefined : signed
}

function isSealed(chain: readonly string[]): boolean {
  return chain.some((role) => role.startsWith('sealed-'))
}
