import { hash } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { importSignatures, readRequest, TrustError } from '@waxseal/trust'
import type { CeremonyRequest, CeremonySignature } from '@waxseal/trust'
import { isMissing, isSystemError, onDisk, syncFolder, writeWhole } from '../blobs/durable.ts'
import { folderOwner, giveTo } from '../blobs/folder-owner.ts'
import { IndexError } from '../error.ts'

const FOLDER = 'ceremony'
const REQUEST = 'request.json'
const SIGNATURES = '.sig.json'
/** Of those that were imported. What somebody signed beside the request, without carrying it, waits for that like any other. */
const IMPORTED = /^[\da-f]{64}\.sig\.json$/

/** A ceremony that was begun: its request, and what has been signed of it so far. */
export interface PendingCeremony {
  readonly request: CeremonyRequest
  /** Where it lies. */
  readonly path: string
  readonly signatures: readonly CeremonySignature[]
  /** Files beside it that hold no signatures for it. */
  readonly ignored: readonly string[]
}

/**
 * The ceremony of an index, as files of its data folder: a request is there or it is not, and so is each file of signatures,
 * whenever a process dies. What is read is checked as if it came from a stranger.
 */
export class CeremonyFolder {
  readonly #folder: string
  readonly #dataDir: string

  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#folder = join(dataDir, FOLDER)
  }

  /** The ceremony that was begun; undefined where there is none. @throws TrustError where its request was changed */
  async read(): Promise<PendingCeremony | undefined> {
    return await onDisk(async () => {
      const path = join(this.#folder, REQUEST)
      const bytes = await readIfThere(path)
      if (bytes === undefined) return undefined
      const request = readOwn(path, bytes)
      let signatures: readonly CeremonySignature[] = []
      const ignored: string[] = []
      for (const name of (await readdir(this.#folder)).toSorted()) {
        if (!IMPORTED.test(name)) continue
        try {
          signatures = importSignatures(request, signatures, await readFile(join(this.#folder, name)))
        } catch (error) {
          // Of two imports of one holder side by side the second; or a file that somebody put there.
          if (!(error instanceof TrustError)) throw error
          ignored.push(join(this.#folder, name))
        }
      }
      return { request, path, signatures, ignored }
    })
  }

  /** Whether there is one. */
  async exists(): Promise<boolean> {
    return (await onDisk(() => readIfThere(join(this.#folder, REQUEST)))) !== undefined
  }

  /** @throws IndexError `conflict` where there is one */
  async begin({ bytes }: CeremonyRequest): Promise<string> {
    return await onDisk(async () => {
      const path = join(this.#folder, REQUEST)
      // What one left behind that was ended in the middle.
      if (!(await this.exists())) await rm(this.#folder, { recursive: true, force: true })
      await this.#make()
      const draft = join(this.#folder, `${hash('sha256', bytes)}.draft`)
      await writeWhole(draft, bytes)
      try {
        await link(draft, path)
      } catch (error) {
        if (isSystemError(error) && error.code === 'EEXIST') throw begun()
        throw error
      } finally {
        await rm(draft, { force: true })
      }
      await syncFolder(this.#folder)
      return path
    })
  }

  /** Keeps a file of signatures that was checked. */
  async add(bytes: Uint8Array): Promise<void> {
    await onDisk(() => writeWhole(join(this.#folder, `${hash('sha256', bytes)}${SIGNATURES}`), bytes))
  }

  /** Ends it: from the first step on there is none any more. */
  async end(): Promise<void> {
    await onDisk(async () => {
      await rm(join(this.#folder, REQUEST), { force: true })
      if (await isThere(this.#folder)) await syncFolder(this.#folder)
      await rm(this.#folder, { recursive: true, force: true })
    })
  }

  async #make(): Promise<void> {
    const made = await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    if (made === undefined) return
    await giveTo(await folderOwner(this.#dataDir), [this.#folder])
    await syncFolder(this.#dataDir)
  }
}

/** Whether a ceremony has begun of the index in this data folder. */
export async function ceremonyBegun(dataDir: string): Promise<boolean> {
  return await new CeremonyFolder(dataDir).exists()
}

/** For what would begin without those who are about to. @throws IndexError `conflict` while a ceremony has begun */
export async function refuseBesideCeremony(dataDir: string): Promise<void> {
  if (!(await ceremonyBegun(dataDir))) return
  throw new IndexError(
    'conflict',
    'The first ceremony of this index has begun, and nothing was changed: its holders sign it (waxseal ceremony show, then publish). To sign it alone, give that up first: waxseal ceremony abandon.',
  )
}

/** What is said where a second one is begun. */
export function begun(): IndexError {
  return new IndexError(
    'conflict',
    'A ceremony has begun already: publish it (waxseal ceremony publish), or give it up (waxseal ceremony abandon).',
  )
}

function readOwn(path: string, bytes: Uint8Array): CeremonyRequest {
  try {
    return readRequest(bytes)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    const message = `${path} is damaged, or was changed: ${error.message} Give the ceremony up (waxseal ceremony abandon), and begin again.`
    throw new TrustError(error.code, message, { cause: error })
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await readdir(folder)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
