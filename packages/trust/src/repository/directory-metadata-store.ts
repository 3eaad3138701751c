import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readIfThere, sweepParts, syncFolder, writePart } from '../durable.ts'
import { inBatches } from './in-batches.ts'
import type { MetadataStore } from './metadata-store.ts'
import { stagesOf } from './metadata-store.ts'
import type { PlannedFile } from './repository-state.ts'
import { metadataFileName } from './repository-state.ts'

/**
 * A repository as the files of one folder, which any web server can hand out. One process writes to it at a time.
 * @throws the file system's own errors
 */
export async function openDirectoryMetadataStore(folder: string): Promise<MetadataStore> {
  const made = await mkdir(folder, { recursive: true })
  if (made !== undefined) await syncFolder(dirname(made))
  return new DirectoryMetadataStore(folder)
}

class DirectoryMetadataStore implements MetadataStore {
  readonly #folder: string
  #isSwept = false

  constructor(folder: string) {
    this.#folder = folder
  }

  load = (role: string, version: number): Promise<Uint8Array | undefined> => {
    return readIfThere(join(this.#folder, metadataFileName({ role, version })))
  }

  timestamp = (): Promise<Uint8Array | undefined> => {
    return readIfThere(join(this.#folder, 'timestamp.json'))
  }

  async publish(files: readonly PlannedFile[], check?: () => Promise<void>): Promise<void> {
    // Not when it is opened: only who writes may take it that nobody else does.
    if (!this.#isSwept) await sweepParts(this.#folder)
    this.#isSwept = true
    const { before, after } = stagesOf(files)
    await this.#bringOut(before)
    await check?.()
    for (const file of after) await this.#bringOut([file])
  }

  async #bringOut(files: readonly PlannedFile[]): Promise<void> {
    if (files.length === 0) return
    const parts: string[] = []
    try {
      // Of another name until it is whole: a file that is there is read.
      const written = await inBatches(files, async (file) => {
        const part = await writePart(this.#folder, file.bytes, { mode: 0o644 })
        parts.push(part)
        return { part, path: join(this.#folder, metadataFileName(file)) }
      })
      for (const { part, path } of written) await rename(part, path)
    } catch (error) {
      for (const part of parts) await rm(part, { force: true })
      throw error
    }
    await syncFolder(this.#folder)
  }
}
