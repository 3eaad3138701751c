import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import { pageAt, trusting } from './trusting.ts'

for (const verifier of FOREIGN_VERIFIERS) {
  describe(`an index from its first start on, by ${verifier.name}`, { skip: verifier.absent ?? false }, () => {
    it('has every page as a target, whose bytes are those of the page', async () => {
      await using server = await startWaxseal({ args: ['--no-upstream'] })
      await using client = await trusting(verifier, server.url)
      const path = 'simple/acme-hello/index.json'
      assert.deepEqual(await client.targets([path]), { [path]: null }, 'absent, and that is signed')

      await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))
      const page = await pageAt(server.url, 'acme-hello')
      await using downloads = await mkdtempDisposable(join(tmpdir(), 'waxseal-targets-'))
      assert.deepEqual(await client.targets([path], downloads.path), { [path]: page.target })
      // Its file name is the target's path, escaped.
      assert.deepEqual(await readFile(join(downloads.path, encodeURIComponent(path))), page.bytes)

      await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.1' }))
      const after = (await client.targets([path]))[path]
      assert.ok(
        after !== null && after?.sha256 !== page.target.sha256,
        'a page that changes is signed anew before its upload is answered',
      )
    })
  })
}
