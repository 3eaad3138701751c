import { initialiseState, readMetadata, TrustClient, TrustError } from '@waxseal/trust'
import type { TrustRemote, TrustState } from '@waxseal/trust'
import { TufFiles } from '../publish/tuf-files.ts'
import type { Store } from '../store/store.ts'

/** Signed metadata by role and version, as `TufFiles` reads it. */
export type MetadataFiles = {
  readonly [Method in 'newest' | 'version']: (
    ...asked: Parameters<TufFiles[Method]>
  ) => Promise<{ readonly bytes: Uint8Array } | undefined>
}

/** A client that trusts the first root, and reads what is stored as clients read it from a server. @throws TrustError */
export async function openStoredClient(store: Store): Promise<TrustClient> {
  const files = new TufFiles(store)
  const root = await files.version('root', 1)
  if (root === undefined) throw new TrustError('missing-role', 'The first root is missing.')
  return await openClientOver(files, root.bytes)
}

/**
 * A client that begins with `root`. Its time is that of the newest timestamp: what has expired since is another question. It keeps
 * top-level roles alone: 16,384 bins are 170 MB.
 * @throws TrustError
 */
export async function openClientOver(files: MetadataFiles, root: Uint8Array): Promise<TrustClient> {
  const state = new TopLevelState()
  await initialiseState(state, root)
  const timestamp = await files.newest('timestamp')
  const issued = timestamp && readMetadata('timestamp', timestamp.bytes).signed.issued
  return await TrustClient.open({ state, remote: remoteOf(files), now: () => issued ?? 0 })
}

const TOP_LEVEL: ReadonlySet<string> = new Set(['root', 'timestamp', 'snapshot', 'targets'])

class TopLevelState implements TrustState {
  readonly #stored = new Map<string, Uint8Array>()

  async read(role: string): Promise<Uint8Array | undefined> {
    return this.#stored.get(role)
  }

  async swap(role: string, _expected: Uint8Array | undefined, next: Uint8Array | undefined): Promise<boolean> {
    if (next === undefined) this.#stored.delete(role)
    else if (TOP_LEVEL.has(role)) this.#stored.set(role, next)
    return true
  }
}

function remoteOf(files: MetadataFiles): TrustRemote {
  return {
    async metadata(name) {
      const [, version, role = ''] = /^(?:(\d+)\.)?(.*)\.json$/.exec(name) ?? []
      return (await (version === undefined ? files.newest(role) : files.version(role, Number(version))))?.bytes
    },
    target: async () => undefined,
  }
}
