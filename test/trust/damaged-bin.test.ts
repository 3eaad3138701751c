import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { trustingClients } from './trusting-clients.ts'

for (const [damage, statement] of [
  ['altered', `update tuf_file set body = replace(body, '"length":', '"length":1') where superseded_at is null`],
  ['lost', 'delete from tuf_file where superseded_at is null'],
] as const) {
  void test(`a bin that is ${damage} holds up nobody: it is made anew with the next page in it, and the log says so`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-damaged-bin-'))
    const options = { dataDir: join(folder.path, 'data'), args: ['--no-upstream'] }
    const upload = async (server: Awaited<ReturnType<typeof startWaxseal>>, name: string, version: string) =>
      assert.deepEqual(await uploadFile(server, buildWheel({ name, version })), { status: 200, reason: 'OK' })
    // Enough of them that some share a bin.
    const projects = Array.from({ length: 60 }, (_, at) => `acme-${at}`)
    const first = await startWaxseal(options)
    for (const project of projects) await upload(first, project, '1.0')
    await using clients = await trustingClients(first.url)
    await clients.follow(first.url, projects.slice(0, 3))
    await first.stop()
    const database = new DatabaseSync(join(options.dataDir, 'waxseal.db'))
    const bins = database
      .prepare(`select role, body from tuf_file where superseded_at is null and role like 'bin-%'`)
      .all() as { readonly role: string; readonly body: string }[]
    const listed = (body: string): readonly string[] =>
      [...body.matchAll(/"simple\/([^/]+)\/index\.json"/g)].map(([, project = '']) => project)
    const shared = bins
      .map(({ role, body }) => ({ role, together: listed(body) }))
      .find(({ together }) => together.length > 1)
    assert.ok(shared !== undefined, 'two projects share a bin')
    const { changes } = database.prepare(`${statement} and role = ?`).run(shared.role)
    assert.equal(Number(changes), 1)
    database.close()

    await using server = await startWaxseal(options)
    const beside = projects.find((project) => !shared.together.includes(project)) ?? ''
    await upload(server, beside, '2.0')
    await upload(server, shared.together[0] ?? '', '2.0')
    await clients.follow(server.url, [beside, ...shared.together])
    assert.match(server.log(), new RegExp(`"bins":\\["${shared.role}"\\].*made anew from its pages`))
    const doctor = await waxsealCommand(['doctor', '--data', options.dataDir])
    assert.deepEqual([doctor.code, doctor.stderr], [0, ''], doctor.stdout)
  })
}
