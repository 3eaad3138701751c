import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { renderSimpleHtml, writeSimpleJson } from '@waxseal/packaging'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { readPublishedPage } from './page-body.ts'
import { fileUrl } from './page.ts'

test('the HTML of a published page links as the page does: relative, without any host (attacks.md CACHE-POIS)', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-page-'))
  const blobs = await openDirectoryBlobStore(folder.path)
  const sha256 = 'ab'.repeat(32)
  const url = fileUrl('demo', sha256, 'demo-1.0-py3-none-any.whl')
  const file = { filename: 'demo-1.0-py3-none-any.whl', url, sha256, yanked: false, provenance: `${url}.provenance` }
  const bytes = Buffer.from(writeSimpleJson({ name: 'demo', versions: ['1.0'], files: [file], apiVersion: '1.0' }))
  const body = createHash('sha256').update(bytes).digest('hex')
  await blobs.put(body, bytes)
  const html = renderSimpleHtml(await readPublishedPage(blobs, body))
  assert.ok(html.includes(`<a href="../../files/demo/${sha256}/demo-1.0-py3-none-any.whl#sha256=${sha256}"`), html)
  assert.doesNotMatch(html, /https?:/)
})
