import { createReadStream } from 'node:fs'
import type { ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { PackagingError, inspectSdist, inspectWheel, parseCoreMetadata } from '@waxseal/packaging'
import type { ByteSource, CoreMetadata, InspectionBudget } from '@waxseal/packaging'
import { refuse } from './refusal.ts'
import type { Refusal, UploadRefusalCode } from './refusal.ts'

/** A spooled file to look into; plain data, so that it can be handed to a worker. */
export interface InspectionJob {
  readonly path: string
  readonly size: number
  readonly kind: 'wheel' | 'sdist'
  readonly filename: string
  /** Project (normal form) and version (normal spelling) that the file name was checked to say. */
  readonly project: string
  readonly version: string
}

/** What the file itself says. */
export interface Inspected {
  readonly kind: 'inspected'
  readonly metadata: CoreMetadata
  /** METADATA or PKG-INFO, byte for byte. */
  readonly metadataBytes: Uint8Array
}

const SDIST_CHUNK = 256 * 1024
const MAX_SHOWN_PATH = 200

/**
 * Inspects a spooled wheel or sdist (behaviour.md 1.4 U to Z, stricter: RECORD's hashes and sizes count). Memory is bounded; the time is
 * that of hashing every member. What the file is to blame for is a refusal; only a failing disk throws.
 */
export async function inspectArchive(job: InspectionJob): Promise<Inspected | Refusal> {
  try {
    return await inspect(job)
  } catch (error) {
    if (error instanceof PackagingError) return refuseArchive(error.message)
    throw error
  }
}

/** Like {@link inspectArchive}, but `undefined` when the answer would take more work than `budget` allows. */
export async function inspectWithin(
  job: InspectionJob,
  budget: InspectionBudget,
): Promise<Inspected | Refusal | undefined> {
  try {
    return await inspect(job, budget)
  } catch (error) {
    if (!(error instanceof PackagingError)) throw error
    return error.code === 'limit-exceeded' ? undefined : refuseArchive(error.message)
  }
}

async function inspect(job: InspectionJob, budget?: InspectionBudget): Promise<Inspected | Refusal> {
  const { metadataBytes, licensePath, hasLicense } =
    job.kind === 'wheel' ? await readWheel(job, budget) : await readSdist(job, budget)
  const metadata = parseCoreMetadata(metadataBytes)
  // Before 2.4 the field was not standardised and its paths were written in many ways (PEP 639).
  const standardised = !/^(?:1\.[0-2]|2\.[0-3])$/.test(metadata.metadataVersion)
  const missing = standardised ? metadata.licenseFiles.find((file) => !hasLicense(file)) : undefined
  if (missing === undefined) return { kind: 'inspected', metadata, metadataBytes }
  // Warehouse's sentence, but bounded: a path in the metadata may be long.
  const [license, place] = [missing, licensePath(missing)].map((path) => path.slice(0, MAX_SHOWN_PATH))
  return refuse(
    'upload-license-file',
    `License-File ${license} does not exist in distribution file ${job.filename} at ${place}`,
  )
}

/** What both kinds of archive are asked. */
interface ArchiveReading {
  readonly metadataBytes: Uint8Array
  /** Where a License-File of the metadata has to be. */
  readonly licensePath: (file: string) => string
  readonly hasLicense: (file: string) => boolean
}

// The sentences of `@waxseal/packaging` that have a page of their own; its error codes are coarser.
const CODES: readonly (readonly [RegExp, UploadRefusalCode])[] = [
  [/^The wheel's RECORD is refused|does not contain the required RECORD file/, 'upload-record-mismatch'],
  [/entry_points\.txt/, 'upload-entry-points'],
]

function refuseArchive(reason: string): Refusal {
  const [, code] = CODES.find(([pattern]) => pattern.test(reason)) ?? [undefined, 'upload-archive-invalid' as const]
  return refuse(code, `Invalid distribution file. ${reason}`)
}

async function readWheel({ path, size, filename }: InspectionJob, budget?: InspectionBudget): Promise<ArchiveReading> {
  await using file = await open(path, 'r')
  const source: ByteSource = {
    size,
    read: (offset, length, into) => readRange(file, offset, Math.min(length, Math.max(0, size - offset)), into),
  }
  const wheel = await inspectWheel(source, filename, budget === undefined ? {} : { budget })
  return {
    metadataBytes: wheel.metadata,
    licensePath: (license) => `${wheel.distInfoDirectory}/licenses/${license}`,
    hasLicense: (license) => wheel.has(`${wheel.distInfoDirectory}/licenses/${license}`),
  }
}

async function readRange(file: FileHandle, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
  const buffer = into ?? Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

/** Ends a stream, whatever state it is in, and waits until its descriptor is closed. */
async function closed(stream: ReadStream): Promise<void> {
  if (stream.closed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.once('close', resolve)
  // What goes wrong with a stream that is given up interests nobody.
  stream.on('error', () => undefined)
  stream.destroy()
  await promise
}

async function readSdist(
  { path, size, filename, project, version }: InspectionJob,
  budget?: InspectionBudget,
): Promise<ArchiveReading> {
  const stream = createReadStream(path, { highWaterMark: SDIST_CHUNK })
  try {
    const sdist = await inspectSdist(stream as AsyncIterable<Uint8Array>, filename, {
      project,
      version,
      compressedSize: size,
      ...(budget !== undefined && { budget }),
    })
    return {
      metadataBytes: sdist.pkgInfo,
      licensePath: (license) => `${sdist.topDirectory}/${license}`,
      hasLicense: (license) => sdist.has(license),
    }
  } finally {
    // A refusal comes before the end of the file: an open descriptor would keep its space on the disk.
    await closed(stream)
  }
}
