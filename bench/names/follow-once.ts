import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryState, HttpRemote, initialiseState, TrustClient } from '@waxseal/trust/client'

/** A new client that knows the root alone brings itself up to date and gets these targets. */
export async function followOnce(root: string, url: string, targets: readonly string[]): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-client-'))
  const state = await DirectoryState.open(folder.path)
  await initialiseState(state, await readFile(root))
  const client = await TrustClient.open({
    state,
    remote: new HttpRemote({ metadataUrl: `${url}/tuf`, targetsUrl: `${url}/tuf/targets` }),
    now: Date.now,
  })
  await client.refresh()
  for (const target of targets) {
    const found = await client.find(target)
    if (found.kind !== 'found') throw new Error(`${target} is not signed`)
    for await (const _ of client.download(target, found.file)) void _
  }
}
