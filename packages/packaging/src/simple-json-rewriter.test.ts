import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findSimpleFile, rewriteSimpleJson } from './simple-json-rewriter.ts'
import { parseSimpleJson } from './simple-json-reader.ts'
import { writeSimpleJson } from './simple-json-writer.ts'
import type { SimpleFile, SimpleProjectPage } from './simple-page.ts'

const SHA256 = 'a'.repeat(64)
const file = (version: string, more: Partial<SimpleFile> = {}): SimpleFile => ({
  filename: `demo-${version}-py3-none-any.whl`,
  url: `../../files/demo/${SHA256}/demo-${version}-py3-none-any.whl`,
  sha256: SHA256,
  yanked: false,
  size: 100,
  ...more,
})
const PAGE: SimpleProjectPage = {
  name: 'demo',
  versions: ['1.0', '1.1', '2.0'],
  apiVersion: '1.4',
  status: { status: 'archived', reason: 'it is "done"' },
  files: [
    file('1.0', { yanked: 'see "filename":"demo-2.0-py3-none-any.whl", ü' }),
    file('1.1', { requiresPython: '>=3.8, <4', uploadTime: '2026-01-02T03:04:05Z', yanked: true }),
    file('2.0', { coreMetadata: { sha256: 'b'.repeat(64) } }),
  ],
}

for (const [what, page] of Object.entries({
  'with everything': PAGE,
  'without files': { ...PAGE, files: [], versions: [] },
  'without a size': {
    ...PAGE,
    files: [{ ...file('1.0'), size: undefined }] as unknown as SimpleFile[],
    versions: ['1.0'],
  },
})) {
  void test(`a page ${what} says what the checking writer writes of it`, () => {
    const checked = writeSimpleJson(page)
    const rewritten = rewriteSimpleJson(parseSimpleJson(checked))
    assert.equal(
      JSON.stringify(JSON.parse(Buffer.from(rewritten).toString())),
      JSON.stringify(JSON.parse(Buffer.from(checked).toString())),
    )
    assert.deepEqual(parseSimpleJson(rewritten), parseSimpleJson(checked))
  })
}

void test('one file is found by its name, whatever the others say', () => {
  const page = rewriteSimpleJson(PAGE)
  for (const wanted of PAGE.files) assert.deepEqual(findSimpleFile(page, wanted.filename), wanted)
  assert.equal(findSimpleFile(page, 'demo-2.0-py3-none-any'), undefined)
  assert.equal(findSimpleFile(page, 'emo-2.0-py3-none-any.whl'), undefined)
})
