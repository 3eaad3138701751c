import type { ByteSource } from './byte-source.ts'
import { excerpt } from './excerpt.ts'
import { refuseInstalledPath } from './member-path.ts'
import { recordError } from './record.ts'
import type { RecordEntry } from './record.ts'
import type { ZipEntry } from './zip-directory.ts'
import { digestZipEntry, scanZipEntry } from './zip-member.ts'
import type { RecordAlgorithm } from './zip-member.ts'

/** PEP 427: sha256 or better. */
const ALGORITHMS: readonly string[] = ['sha256', 'sha384', 'sha512'] satisfies RecordAlgorithm[]

/**
 * Holds RECORD against the archive: every member listed once, nothing listed that is not there, each digest and size right
 * (attacks.md REC-MISS, REC-HASH, REC-DEL: pip and uv check none of this). RECORD itself is listed without digest; the signature
 * files of PEP 427 may be left out. Reads every member once, in flat memory.
 * @throws PackagingError `archive-invalid`; the reason of `signal` when it is aborted
 */
export async function verifyRecord(
  source: ByteSource,
  entries: readonly ZipEntry[],
  record: readonly RecordEntry[],
  distInfoDirectory: string,
  signal?: AbortSignal,
): Promise<void> {
  const self = `${distInfoDirectory}/RECORD`
  const signatures: readonly string[] = [`${self}.jws`, `${self}.p7s`]
  const rows = new Map<string, RecordEntry>()
  for (const row of record) {
    const path = row.path.endsWith('/') ? row.path.slice(0, -1) : row.path
    const unsafe = refuseInstalledPath(path)
    if (unsafe !== undefined) throw recordError(`the path ${excerpt(row.path)} is unsafe: ${unsafe}`)
    if (rows.has(row.path)) throw recordError(`${excerpt(row.path)} is listed twice`)
    rows.set(row.path, row)
  }
  const ownRow = rows.get(self)
  if (ownRow === undefined) throw recordError('it does not list itself')
  if (ownRow.hash !== undefined) throw recordError('it holds a hash of itself')

  const names = new Set(entries.map((entry) => entry.name))
  for (const row of rows.values()) {
    const isBareDirectory = row.path.endsWith('/') && row.hash === undefined
    if (!names.has(row.path) && !isBareDirectory)
      throw recordError(`${excerpt(row.path)} is listed and not in the wheel`)
  }
  for (const entry of entries) {
    signal?.throwIfAborted()
    const row = rows.get(entry.name)
    // RECORD was read already. What has no digest is read as well: an installer would stumble over a wrong checksum.
    if (entry.name === self) continue
    if (entry.isDirectory || (signatures.includes(entry.name) && row?.hash === undefined)) {
      await scanZipEntry(source, entry)
      continue
    }
    if (row === undefined) throw recordError(`${excerpt(entry.name)} is in the wheel and not listed`)
    await verifyRow(source, entry, row)
  }
}

async function verifyRow(source: ByteSource, entry: ZipEntry, row: RecordEntry): Promise<void> {
  if (row.hash === undefined || row.size === undefined)
    throw recordError(`${excerpt(entry.name)} has no hash or no size`)
  if (!ALGORITHMS.includes(row.hash.algorithm)) throw recordError(`the hash of ${excerpt(entry.name)} is too weak`)
  if (row.size !== entry.uncompressedSize) throw recordError(`the size of ${excerpt(entry.name)} is wrong`)
  const { digest } = await digestZipEntry(source, entry, row.hash.algorithm as RecordAlgorithm)
  if (digest !== row.hash.digest) throw recordError(`the hash of ${excerpt(entry.name)} is wrong`)
}
