import { readFile } from 'node:fs/promises'
import { json } from 'node:stream/consumers'
import { DirectoryState, HttpRemote, initialiseState, TrustClient } from '@waxseal/trust'
import type { VerifyAnswer, VerifyRequest } from '../../test/trust/foreign-verifiers.ts'
import { stopwatch } from '../../test/trust/stopwatch.ts'

/** Verifies a repository with our own client: the same question and answer as `tuf-js-process.ts`. */
async function verify(request: VerifyRequest): Promise<VerifyAnswer> {
  const root = await readFile(request.root)
  const elapsed = stopwatch()
  const state = await DirectoryState.open(request.cache)
  if ((await state.read('root')) === undefined) await initialiseState(state, root)
  const remote = new HttpRemote({ metadataUrl: request.metadata_url, targetsUrl: request.targets_url })
  const client = await TrustClient.open({ state, remote, now: Date.now })
  await client.refresh()
  const refresh = elapsed()
  const targets: Record<string, { length: number; sha256: string } | null> = {}
  for (const path of request.targets) {
    const found = await client.find(path)
    targets[path] =
      found.kind === 'found' ? { length: found.file.length, sha256: found.file.hashes.get('sha256') ?? '' } : null
  }
  return { ok: true, targets, spent: { refresh, lookups: elapsed() } }
}

process.stdout.write(JSON.stringify(await verify((await json(process.stdin)) as VerifyRequest)))
