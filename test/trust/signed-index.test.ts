import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import type { ForeignVerifier, VerifyAnswer } from './foreign-verifiers.ts'

const JSON_PAGE = 'application/vnd.pypi.simple.v1+json'

/** A verifier with a folder of its own, which trusts the root that `server` had at first. */
async function trusting(verifier: ForeignVerifier, server: RunningServer, folder: string) {
  const root = join(folder, 'trusted-root.json')
  await writeFile(root, Buffer.from(await (await fetch(`${server.url}/tuf/1.root.json`)).arrayBuffer()))
  return (targets: readonly string[], download: string | null = null): Promise<VerifyAnswer> =>
    verifier.verify({
      metadata_url: `${server.url}/tuf/`,
      targets_url: `${server.url}/tuf/targets/`,
      cache: folder,
      root,
      targets,
      download,
      now: null,
    })
}

for (const verifier of FOREIGN_VERIFIERS) {
  describe(`an index from its first start on, by ${verifier.name}`, { skip: verifier.absent ?? false }, () => {
    it('has every page as a target, whose bytes are those of the page', async () => {
      await using server = await startWaxseal({ args: ['--no-upstream'] })
      await using cache = await mkdtempDisposable(join(tmpdir(), 'waxseal-verifier-'))
      const look = await trusting(verifier, server, cache.path)
      const path = 'simple/acme-hello/index.json'
      assert.deepEqual(await look([path]).then(targetsOf), { [path]: null }, 'absent, and that is signed')

      await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))
      const page = await fetch(`${server.url}/simple/acme-hello/`, { headers: { accept: JSON_PAGE } })
      const bytes = Buffer.from(await page.arrayBuffer())
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await using downloads = await mkdtempDisposable(join(tmpdir(), 'waxseal-targets-'))
      const found = targetsOf(await look([path], downloads.path))
      assert.deepEqual(found, { [path]: { length: bytes.length, sha256 } })
      // Its file name is the target's path, escaped.
      assert.deepEqual(await readFile(join(downloads.path, encodeURIComponent(path))), bytes)

      await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.1' }))
      const after = targetsOf(await look([path]))[path]
      assert.ok(
        after !== null && after?.sha256 !== sha256,
        'a page that changes is signed anew before its upload is answered',
      )
    })
  })
}

function targetsOf(answer: VerifyAnswer): Extract<VerifyAnswer, { ok: true }>['targets'] {
  if (!answer.ok) throw new Error(`${answer.error}: ${answer.message}`)
  return answer.targets
}
