import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { Updater } from 'tuf-js'
import { stopwatch } from './stopwatch.ts'
import type { VerifyAnswer, VerifyRequest } from './foreign-verifiers.ts'

/** Verifies a repository with tuf-js: the same question and answer as `python-tuf.py`. It has no way to be told `now`: its whole process is (`clock-at.ts`). */
async function verify(request: VerifyRequest): Promise<VerifyAnswer> {
  const anchor = join(request.cache, 'root.json')
  // Its cached root is its anchor; there is no argument for one.
  if (!existsSync(anchor)) copyFileSync(request.root, anchor)
  const elapsed = stopwatch()
  const updater = new Updater({
    metadataDir: request.cache,
    metadataBaseUrl: request.metadata_url,
    targetBaseUrl: request.targets_url,
    ...(request.download === null ? {} : { targetDir: request.download }),
    config: { fetchRetry: 0 },
  })
  await updater.refresh()
  const refresh = elapsed()
  const targets: Record<string, { length: number; sha256: string } | null> = {}
  for (const path of request.targets) {
    const info = await updater.getTargetInfo(path)
    targets[path] = info === undefined ? null : { length: info.length, sha256: info.hashes['sha256'] ?? '' }
    if (info === undefined || request.download === null) continue
    await updater.downloadTarget(info)
  }
  return { ok: true, targets, spent: { refresh, lookups: elapsed() } }
}

const answer = await verify((await json(process.stdin)) as VerifyRequest).catch((error: unknown): VerifyAnswer => ({
  ok: false,
  error: error instanceof Error ? error.constructor.name : 'unknown',
  message: error instanceof Error ? error.message : String(error),
}))
process.stdout.write(JSON.stringify(answer))
