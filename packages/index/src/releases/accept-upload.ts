import { createHash } from 'node:crypto'
import { formatVersion } from '@waxseal/packaging'
import type { Actor } from '../access/actor.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import type { Clock } from '../clock.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { ClaimPolicy } from '../names/claim-policy.ts'
import type { UpstreamPresence } from '../names/claim.ts'
import type { LikeName } from '../names/name-objections.ts'
import { isUniqueViolation } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { checkAttestations } from './attestations.ts'
import type { Inspected } from './inspect-archive.ts'
import type { Inspector } from './inspect-upload.ts'
import { checkDigests, checkFileMetadata, checkPayload } from './upload-content.ts'
import { recordUpload } from './record-upload.ts'
import type { RecordedUpload } from './record-upload.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { restoreLostParts } from './restore-upload.ts'
import type { KeptParts } from './restore-upload.ts'
import { checkUploadForm } from './upload-checks.ts'
import type { UploadPolicy, UploadRequest } from './upload-checks.ts'
import { findDuplicate } from './upload-duplicates.ts'
import { checkFilenameForm, checkFilenameMatches } from './upload-filename.ts'
import { discardUploadForm } from './upload-form.ts'
import type { UploadForm, UploadedFile } from './upload-form.ts'
import { checkUploader, rightFromPresence } from './upload-name.ts'
import type { NameRight, Uploader } from './upload-name.ts'
import { uploadRight } from './upload-right.ts'

/** What an upload works with. */
export interface UploadContext {
  readonly store: Store
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly policy: UploadPolicy
  readonly names: NamesConfig
  /** How new names come to be. */
  readonly claims: ClaimPolicy
  readonly inspect: Inspector
  /** Asks every upstream whether it has a name; called for nobody's name but an undecided one (attacks.md DC-19). */
  readonly presence: (project: string) => Promise<UpstreamPresence>
}

/** Who uploads: by which right, and as whom it is recorded. */
export interface UploadedBy {
  readonly uploader: Uploader
  readonly actor: Actor
}

/** `accepted`: durable; it may be acknowledged once the journal row `seq` is published. `identical`: it was there already. */
export type UploadOutcome =
  | { readonly kind: 'accepted'; readonly seq: number; readonly project: string }
  | { readonly kind: 'identical'; readonly project: string }
  | Refusal

/** Concurrent uploads that collide are looked at again; each round at least one of them got through. */
const MAX_ROUNDS = 20

/**
 * Takes one upload, in PyPI's order of checks (behaviour.md 1.4). The blobs are durable before the one transaction that makes them
 * visible, so a crash leaves the whole upload or nothing of it. The form's spooled file is gone afterwards in every case.
 * @throws IndexError when disk or database fail; never for what a client sent
 */
export async function acceptUpload(
  context: UploadContext,
  request: UploadedBy & { readonly form: UploadForm; readonly action?: string },
): Promise<UploadOutcome> {
  const { form } = request
  try {
    const checked = checkUploadForm(form.fields, form.file, context.policy, request.action)
    if (checked.kind === 'refused') return checked
    if (form.file === undefined) return refuse('upload-no-file', 'Upload payload does not have a file.')
    return await acceptFile(context, checked.upload, form.file, request)
  } finally {
    await discardUploadForm(form)
  }
}

async function acceptFile(
  context: UploadContext,
  upload: UploadRequest,
  file: UploadedFile,
  from: UploadedBy,
): Promise<UploadOutcome> {
  const { store, policy, clock } = context
  const right = await findRight(context, upload.project, from)
  if (right.kind === 'refused') return right

  const payloadRefusal =
    checkFilenameForm(upload.filename, upload.kind) ??
    checkPayload(upload.project, file, policy) ??
    checkDigests(upload.digests, file.spooled)
  if (payloadRefusal !== undefined) return payloadRefusal

  const duplicate = await findDuplicate(store.db, upload, file.spooled, policy, clock.now())
  if (duplicate.kind === 'refused') return duplicate
  if (duplicate.kind === 'identical') return repeat(context, upload, file, duplicate.kept)

  const inspected = await inspectFile(context, upload, file)
  if (inspected.kind === 'refused') return inspected
  const attestations = attestationsOf(upload, file)
  if (attestations?.kind === 'refused') return attestations

  await context.blobs.put(file.spooled.sha256, file.spooled)
  const metadataSha256 = upload.kind === 'wheel' ? await putBytes(context.blobs, inspected.metadataBytes) : undefined
  const attestationsSha256 = attestations && (await putBytes(context.blobs, attestations.document))
  return commit(context, from, right, {
    upload,
    content: file.spooled,
    metadata: inspected.metadata,
    ...(metadataSha256 !== undefined && { metadataSha256 }),
    ...(attestationsSha256 !== undefined && { attestationsSha256 }),
  })
}

/** The same file once more changes nothing, but brings back bytes that the store has lost. */
async function repeat(
  context: UploadContext,
  upload: UploadRequest,
  file: UploadedFile,
  kept: KeptParts,
): Promise<UploadOutcome> {
  await restoreLostParts(context.blobs, kept, {
    content: file.spooled,
    // What was accepted once stays accepted: a rule that came later keeps back the part, not the answer.
    metadata: async () => {
      const inspected = await inspectFile(context, upload, file)
      return inspected.kind === 'refused' ? undefined : inspected.metadataBytes
    },
    attestations: () => {
      const attestations = attestationsOf(upload, file)
      return attestations?.kind === 'refused' ? undefined : attestations?.document
    },
  })
  return { kind: 'identical', project: upload.project }
}

function attestationsOf(upload: UploadRequest, file: UploadedFile): ReturnType<typeof checkAttestations> | undefined {
  if (upload.attestations === undefined) return undefined
  return checkAttestations(upload.attestations, { filename: upload.filename, sha256: file.spooled.sha256 })
}

/** Whether this uploader may upload to the name, asking the upstreams only where the name's own state leaves it open. */
async function findRight(context: UploadContext, project: string, from: UploadedBy): Promise<NameRight | Refusal> {
  const refusal = checkUploader(project, from.uploader)
  if (refusal !== undefined) return refusal
  const right = await uploadRight(context.store.db, context, project, from)
  return right.kind === 'ask-upstreams' ? rightFromPresence(project, await context.presence(project)) : right
}

async function inspectFile(
  context: UploadContext,
  upload: UploadRequest,
  file: UploadedFile,
): Promise<Inspected | Refusal> {
  const refusal = checkFilenameMatches(upload, context.policy)
  if (refusal !== undefined) return refusal
  const inspected = await context.inspect({
    path: file.spooled.path,
    size: file.spooled.size,
    kind: upload.kind,
    filename: upload.filename,
    project: upload.project,
    version: formatVersion(upload.version),
  })
  if (inspected.kind === 'refused') return inspected
  return checkFileMetadata(upload, inspected.metadata, context.policy) ?? inspected
}

/** Everything that could have changed since it was looked at is looked at again, in the transaction that writes. */
async function commit(
  context: UploadContext,
  from: UploadedBy,
  right: NameRight,
  upload: RecordedUpload,
): Promise<UploadOutcome> {
  const { project } = upload.upload
  for (let round = 1; ; round++) {
    try {
      return await context.store.transaction(async (tx): Promise<UploadOutcome> => {
        const current = await uploadRight(tx, context, project, from)
        if (current.kind === 'refused') return current
        const duplicate = await findDuplicate(tx, upload.upload, upload.content, context.policy, context.clock.now())
        if (duplicate.kind === 'refused') return duplicate
        if (duplicate.kind === 'identical') return { kind: 'identical', project }
        // The upstreams' answer of a moment ago still counts: nobody has decided otherwise since.
        const held = current.kind === 'ask-upstreams' ? withLikes(right, current.likes) : current
        return { kind: 'accepted', seq: await recordUpload(tx, context.clock, from.actor, held, upload), project }
      })
    } catch (error) {
      if (!isUniqueViolation(error) || round === MAX_ROUNDS) throw error
    }
  }
}

function withLikes(right: NameRight, likes: readonly LikeName[] = []): NameRight {
  return right.kind === 'claim' ? { ...right, likes } : right
}

async function putBytes(blobs: BlobStore, bytes: Uint8Array): Promise<string> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await blobs.put(sha256, bytes)
  return sha256
}
