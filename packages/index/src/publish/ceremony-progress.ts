import { ceremonyProgress, readMetadata, rowOf, TrustError } from '@waxseal/trust'
import type { CeremonyProgress, CeremonyRequest } from '@waxseal/trust'
import type { PendingCeremony } from './ceremony-folder.ts'
import { isOvertaken } from './overtaken-ceremony.ts'
import type { SignedRepository } from './signed-repository.ts'

/** How far a group of keys has come; `server`: this index signs it by itself when the ceremony is published. */
export type GroupProgress = CeremonyProgress & { readonly server: boolean }

/** How far a ceremony has come. */
export interface CeremonyState extends PendingCeremony {
  readonly progress: readonly GroupProgress[]
  /** Whether what it starts from holds no more: it can only be given up. */
  readonly overtaken: boolean
}

/** How far a ceremony of an index has come; of one that nobody signs yet, `signed` is undefined. */
export async function stateOf(signed: SignedRepository | undefined, pending: PendingCeremony): Promise<CeremonyState> {
  const { request } = pending
  const state = await signed?.state()
  return {
    ...pending,
    progress: await progressOf(signed, pending),
    overtaken: isOvertaken(state, request) && !(await isOut(signed, request)),
  }
}

export async function progressOf(
  signed: SignedRepository | undefined,
  { request, signatures }: Pick<PendingCeremony, 'request' | 'signatures'>,
): Promise<readonly GroupProgress[]> {
  const layout = (await signed?.state())?.layout
  return ceremonyProgress(request, signatures).map((one) => ({
    ...one,
    server: layout !== undefined && rowOf(layout, one.role)?.online === true,
  }))
}

/**
 * Whether a request is published, by what people signed: roles of the server may have been renewed since, and were dated when it
 * came out.
 */
export async function isOut(
  signed: SignedRepository | undefined,
  { documents }: Pick<CeremonyRequest, 'documents'>,
): Promise<boolean> {
  if (signed === undefined) return false
  const { layout } = await signed.state()
  for (const { role, kind, signed: wanted, signedBytes } of documents) {
    if (rowOf(layout, role)?.online === true) continue
    const stored = await signed.load(role, wanted.version)
    if (stored === undefined || Buffer.compare(readMetadata(kind, stored).signedBytes, signedBytes) !== 0) return false
  }
  return true
}

/** Whoever publishes too early is told what is missing, and where to look. @throws TrustError `threshold-not-met` */
export function requireEnough(progress: readonly GroupProgress[]): void {
  const [first, ...others] = progress.filter(({ server, signed, threshold }) => !server && signed.length < threshold)
  if (first === undefined) return
  const more = others.length === 0 ? '' : `, and ${others.length} more are short of theirs`
  throw new TrustError(
    'threshold-not-met',
    `Not enough have signed yet: ${first.words} has ${first.signed.length} of ${first.threshold} signatures${more}. Who may still sign: waxseal ceremony show.`,
  )
}
