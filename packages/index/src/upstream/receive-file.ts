import { rm } from 'node:fs/promises'
import type { SpooledFile } from '../blobs/blob-store.ts'
import { IndexError } from '../error.ts'
import type { FileAnswer, OpenFile } from './answers.ts'

/** A place for a file that is being received; `path` can be read while it grows. `spool.ts` has the real one. */
export interface ReceivingFile {
  readonly path: string
  write(chunk: Uint8Array): Promise<void>
  finish(): Promise<SpooledFile & { readonly md5: string }>
  discard(): Promise<void>
}

/** Where received files go first. */
export interface ReceivingSpool {
  createSpoolFile(): Promise<ReceivingFile>
}

/** What is known of a file before it is fetched: from the page that lists it. */
export interface ExpectedFile {
  readonly filename: string
  readonly sha256?: string
  readonly size?: number
  /** Where a page knows nothing better; never trusted by itself (attacks.md HASH-MD5). */
  readonly md5?: string
  /** Whose places in the table it takes: the upstream's name. One that hangs then delays no other. */
  readonly lane?: string
  readonly open: () => Promise<FileAnswer>
}

/** Told while a file comes in. */
export interface ReceiveProgress {
  /** The spool file exists; called once, before any `received`. `size` is the listed or else the declared one. */
  opened(path: string, size: number | undefined): Promise<void>
  /** So many bytes can be read from the spool file. */
  received(bytes: number): void
}

/**
 * Fetches a file into the spool and checks it against everything that is known of it. Who gets the spooled file owns
 * it. Throws IndexError `not-found` (the upstream does not have it), `upstream-failed` (with the failure as `cause`;
 * asking again may help) or `digest-mismatch` (the upstream has other bytes than it listed); nothing is left behind.
 */
export async function receiveFile(
  expected: ExpectedFile,
  spool: ReceivingSpool,
  progress?: ReceiveProgress,
): Promise<SpooledFile> {
  const answer = opened(expected, await expected.open())
  try {
    checkDeclared(expected, answer)
    const file = await spool.createSpoolFile()
    let spooled: Awaited<ReturnType<typeof file.finish>>
    try {
      const size = expected.size ?? answer.size
      await progress?.opened(file.path, size)
      let received = 0
      for await (const chunk of answer.body) {
        received += chunk.byteLength
        if (size !== undefined && received > size) throw changed(expected, `longer than ${size} bytes`)
        await file.write(chunk)
        progress?.received(received)
      }
      checkReceived(expected, answer, received)
      spooled = await file.finish()
    } catch (error) {
      await file.discard()
      throw error
    }
    const problem = digestProblem(expected, spooled)
    if (problem === undefined) return spooled
    await rm(spooled.path, { force: true })
    throw problem
  } finally {
    answer.close()
  }
}

function opened(expected: ExpectedFile, answer: FileAnswer): OpenFile {
  if (answer.kind === 'open') return answer
  if (answer.kind === 'failed') {
    throw new IndexError('upstream-failed', `${expected.filename}: ${answer.reason}`, { cause: answer })
  }
  throw new IndexError('not-found', `The upstream lists ${expected.filename} and does not have it.`)
}

function checkDeclared(expected: ExpectedFile, answer: OpenFile): void {
  if (expected.size === undefined || answer.size === undefined || answer.size === expected.size) return
  throw changed(expected, `${answer.size} bytes long instead of ${expected.size}`)
}

function checkReceived(expected: ExpectedFile, answer: OpenFile, received: number): void {
  if (answer.size !== undefined && received !== answer.size) {
    throw new IndexError('upstream-failed', `${expected.filename}: the upstream sent it truncated.`)
  }
  if (expected.size !== undefined && received !== expected.size) {
    throw changed(expected, `${received} bytes long instead of ${expected.size}`)
  }
}

interface ReceivedDigests {
  readonly sha256: string
  readonly md5: string
}

function digestProblem(expected: ExpectedFile, { sha256, md5 }: ReceivedDigests): IndexError | undefined {
  if (expected.sha256 !== undefined && sha256 !== expected.sha256)
    return changed(expected, `another file (sha256 ${sha256})`)
  if (expected.md5 !== undefined && md5 !== expected.md5.toLowerCase())
    return changed(expected, 'another file (by its MD5)')
  return undefined
}

function changed(expected: ExpectedFile, how: string): IndexError {
  return new IndexError(
    'digest-mismatch',
    `The upstream's ${expected.filename} is not the file that was listed: it is ${how}.`,
  )
}
