import type { MetadataStore } from './metadata-store.ts'
import { stagesOf } from './metadata-store.ts'
import type { PlannedFile } from './repository-state.ts'
import { metadataFileName } from './repository-state.ts'

/** Files by name, as they would be in a folder. */
export class MemoryMetadataStore implements MetadataStore {
  readonly files = new Map<string, Uint8Array>()

  load = (role: string, version: number): Promise<Uint8Array | undefined> => {
    return Promise.resolve(this.files.get(metadataFileName({ role, version })))
  }

  timestamp = (): Promise<Uint8Array | undefined> => {
    return Promise.resolve(this.files.get('timestamp.json'))
  }

  async publish(files: readonly PlannedFile[], check?: () => Promise<void>): Promise<void> {
    const { before, after } = stagesOf(files)
    for (const file of before) this.files.set(metadataFileName(file), file.bytes)
    await check?.()
    for (const file of after) this.files.set(metadataFileName(file), file.bytes)
  }
}
