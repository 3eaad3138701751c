import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { PackagingError, inspectSdist, inspectWheel, parseCoreMetadata } from '@waxseal/packaging'
import type { CoreMetadata } from '@waxseal/packaging'
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
    const { metadataBytes, licensePath, hasLicense } =
      job.kind === 'wheel' ? await readWheel(job) : await readSdist(job)
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
  } catch (error) {
    if (error instanceof PackagingError) return refuseArchive(error.message)
    throw error
  }
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

async function readWheel({ path, size, filename }: InspectionJob): Promise<ArchiveReading> {
  await using file = await open(path, 'r')
  const wheel = await inspectWheel({ size, read: (offset, length) => readRange(file, size, offset, length) }, filename)
  return {
    metadataBytes: wheel.metadata,
    licensePath: (license) => `${wheel.distInfoDirectory}/licenses/${license}`,
    hasLicense: (license) => wheel.has(`${wheel.distInfoDirectory}/licenses/${license}`),
  }
}

async function readRange(file: FileHandle, size: number, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(length, Math.max(0, size - offset)))
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

async function readSdist({ path, size, filename, project, version }: InspectionJob): Promise<ArchiveReading> {
  const chunks = createReadStream(path, { highWaterMark: SDIST_CHUNK }) as AsyncIterable<Uint8Array>
  const sdist = await inspectSdist(chunks, filename, { project, version, compressedSize: size })
  return {
    metadataBytes: sdist.pkgInfo,
    licensePath: (license) => `${sdist.topDirectory}/${license}`,
    hasLicense: (license) => sdist.has(license),
  }
}
