import { mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ask, FOREIGN_VERIFIERS, TUF_JS } from '../../test/trust/foreign-verifiers.ts'
import type { ForeignVerifier, VerifyAnswer } from '../../test/trust/foreign-verifiers.ts'
import type { SignedIndex } from './signed-index.ts'

const OURS: ForeignVerifier = {
  name: 'Waxseal',
  absent: undefined,
  verify: (request) => ask(process.execPath, [resolve(import.meta.dirname, 'waxseal-process.ts')], request),
}

/** Ours first, then those that nobody here wrote. @throws Error where one is not on this machine */
export function clients(): readonly ForeignVerifier[] {
  for (const { absent } of FOREIGN_VERIFIERS) if (absent !== undefined) throw new Error(absent)
  return [OURS, ...FOREIGN_VERIFIERS]
}

/** Those that read a snapshot of so many bins in seconds: tuf-js copies all that it has read of it for each entry more. */
export function quickClients(bins: number): readonly ForeignVerifier[] {
  return clients().filter((client) => client !== TUF_JS || bins < 10_000)
}

export type Verified = Extract<VerifyAnswer, { readonly ok: true }>

/** What one client trusts, on disk, asked by one process after the other as each run of an installer is. */
export interface Follower {
  readonly name: string
  /** Refreshes, and looks up these targets. @throws Error where it refuses, or finds one absent */
  follow(url: string, targets: readonly string[]): Promise<Verified>
}

/** A client that knows nothing but the root yet. */
export async function newFollower(client: ForeignVerifier, index: SignedIndex): Promise<Follower> {
  const cache = await mkdtemp(join(index.dataDir, 'client-'))
  return {
    name: client.name,
    async follow(url, targets) {
      const answer = await client.verify({
        metadata_url: `${url}/tuf/`,
        targets_url: `${url}/tuf/targets/`,
        cache,
        root: index.root,
        targets,
        download: null,
        now: null,
      })
      if (!answer.ok) throw new Error(`${client.name}: ${answer.error}: ${answer.message}`)
      const absent = targets.filter((path) => answer.targets[path] === null)
      if (absent.length > 0) throw new Error(`${client.name} does not find ${absent.join(', ')}`)
      return answer
    },
  }
}
