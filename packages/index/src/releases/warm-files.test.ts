import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildWheel } from '../../../../test/support/python-projects.ts'
import { uploadFile } from '../../../../test/support/upload-form.ts'
import { listenOn } from '../http/listen.ts'
import { indexDefaults } from '../index-config.ts'
import { openIndex } from '../open-index.ts'
import { CurrentProjects } from '../publish/current-projects.ts'
import { WarmFiles } from './warm-files.ts'
import { Namespaces } from '../names/namespaces.ts'
import { systemClock } from '../clock.ts'

const TOKEN = 'the first administrator of this test'

test('a file and its sidecar that were just given out are refused at once after they are deleted', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-warm-'))
  await using index = await openIndex(indexDefaults(join(folder.path, 'data'), { adminToken: TOKEN }))
  await using server = await listenOn(index.handler, '127.0.0.1', 0)
  const wheel = buildWheel({ name: 'demo', version: '1.0' })
  assert.deepEqual(await uploadFile({ url: server.url, token: TOKEN }, wheel), { status: 200, reason: 'OK' })
  const file = `${server.url}/files/demo/${wheel.sha256}/${wheel.filename}`
  const status = async (url: string) => {
    const answer = await fetch(url)
    await answer.arrayBuffer()
    return answer.status
  }
  for (const url of [file, file, `${file}.metadata`, `${file}.metadata`]) assert.equal(await status(url), 200)
  const row = { project: 'demo', filename: wheel.filename, reason: 'a mistake' }
  const deleted = await fetch(`${server.url}/api/v1/projects/${row.project}/files/${row.filename}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: row.reason }),
  })
  assert.ok(deleted.ok, await deleted.text())
  for (const url of [file, `${file}.metadata`]) assert.equal(await status(url), 410)
})

test('what was found before a change is not kept after it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-warm-'))
  await using index = await openIndex(indexDefaults(join(folder.path, 'data')))
  const current = new CurrentProjects(index.store, { namespaces: new Namespaces(), upstreams: [] }, systemClock)
  const warm = new WarmFiles(current)
  const address = { project: 'demo', sha256: 'ab'.repeat(32), filename: 'demo-1.0.tar.gz' }
  const file = {
    kind: 'stored',
    sha256: address.sha256,
    blob: {
      size: 3,
      stream: () => {
        throw new Error('not read')
      },
    },
  } as const
  const before = current.generation
  warm.keep(before, 'file', address, file)
  assert.equal(warm.get('file', address), file)
  assert.equal(warm.get('sidecar', address), undefined)
  current.forget(['another'])
  assert.equal(warm.get('file', address), undefined)
  warm.keep(before, 'file', address, file)
  assert.equal(warm.get('file', address), undefined)
})
