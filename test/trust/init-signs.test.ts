import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { scratchFolder, unpackFirstStore } from '../upgrade/scene.ts'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import { pageAt, trusting } from './trusting.ts'

const CONFIG = 'prefixes = ["corp"]\n[upstream.sim]\nurl = "http://127.0.0.1:9/simple/"\nrefresh-seconds = 0\n'

interface InitDocument {
  readonly root: { readonly sha256: string; readonly url: string }
  readonly offline_keys: { readonly files: readonly string[]; readonly passphrase: string | null }
  readonly error?: { readonly code: string; readonly message: string }
}

/** Runs init to its end; its exit code and its document. */
async function init(args: readonly string[]): Promise<{ readonly code: number | null; readonly told: InitDocument }> {
  const run = await waxsealCommand(['init', '--yes', '--json', ...args])
  return { code: run.code, told: documentOf(run) as unknown as InitDocument }
}

/** Every row of every table, but of those that signing is about and of those that say who is at work. */
function rowsOf(dataDir: string): Readonly<Record<string, readonly unknown[]>> {
  const db = new DatabaseSync(join(dataDir, 'waxseal.db'))
  try {
    const tables = db.prepare("select name from sqlite_schema where type = 'table' order by name").all()
    const rows: Record<string, readonly unknown[]> = {}
    for (const { name } of tables as { name: string }[]) {
      if (['tuf_file', 'snapshot', 'node', 'lease', 'sqlite_sequence'].includes(name)) continue
      rows[name] = db.prepare(`select * from "${name}"`).all()
    }
    // The next start signs what was decided about names, and has their pages say whose files they list.
    rows['journal'] = rows['journal']?.filter((row) => (row as { action: string }).action !== 'record') ?? []
    rows['page'] = rows['page']?.map((row) => ({ ...(row as object), content_sha256: '' })) ?? []
    rows['setting'] = rows['setting']?.filter((row) => (row as { key: string }).key !== 'trust') ?? []
    return rows
  } finally {
    db.close()
  }
}

/** The files of a data folder that are neither the database's own, nor keys, nor the lock of whoever changes something. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^waxseal\.db-|^keys(?:$|\/)|^\.(?:waxseal\.toml|ceremony)\.lock$/.test(name))
    .toSorted()
}

void test('init signs the index of an earlier release with all of its pages, and changes nothing else of it', async () => {
  using scratch = scratchFolder()
  const data = unpackFirstStore(scratch.path)
  const config = join(scratch.path, 'waxseal.toml')
  const offline = join(scratch.path, 'offline')
  writeFileSync(config, CONFIG)
  const args = ['--config', config, '--data', data, '--offline-keys', offline]

  const early = await init(args)
  assert.equal(early.code, 1)
  assert.match(early.told.error?.message ?? '', /waxseal upgrade/)
  await runWaxseal(['upgrade', '--data', data])
  {
    // What keeps it unsigned: only an index that holds nothing yet is signed by its first start.
    await using server = await startWaxseal({ dataDir: data, args: ['--config', config] })
    assert.match(server.log(), /^ {2}signed {5}no: waxseal init --data /m)
    const beside = await init(args)
    assert.deepEqual([beside.code, beside.told.error?.code], [1, 'conflict'])
    assert.match(beside.told.error?.message ?? '', /A server .* runs on this database .* Stop it first/)
    assert.equal((await fetch(`${server.url}/tuf/timestamp.json`)).status, 404)
    assert.equal(await server.stop(), 0)
  }
  assert.ok(!existsSync(join(data, 'keys')), 'nothing was made in vain')

  const overlooked = await init([...args, '--prefix', 'acme', '--admin', 'root'])
  assert.equal(overlooked.code, 2)
  assert.match(overlooked.told.error?.message ?? '', /changes nothing else of it: leave out --prefix, --admin\.$/)
  const before = [rowsOf(data), filesOf(data)]
  const { code, told } = await init(args)
  assert.equal(code, 0)
  assert.deepEqual([rowsOf(data), filesOf(data)], before)
  assert.match(told.offline_keys.passphrase ?? '', /^(?:[\da-z]{4}-){6}[\da-z]{4}$/)
  assert.deepEqual(told.offline_keys.files, [join(offline, 'root.key.json'), join(offline, 'targets.key.json')])

  await using server = await startWaxseal({ dataDir: data, args: ['--config', config] })
  assert.match(server.log(), new RegExp(`^ {2}its sha256 ${told.root.sha256}$`, 'm'))
  const listed = (await (
    await fetch(`${server.url}/simple/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
  ).json()) as { projects: { name: string }[] }
  const pages = await Promise.all(listed.projects.map(({ name }) => pageAt(server.url, name)))
  assert.ok(pages.length > 1)
  const uploaded = buildWheel({ name: 'corp-later', version: '1.0' })
  await uploadFile(server, uploaded)
  pages.push(await pageAt(server.url, 'corp-later'))
  for (const verifier of FOREIGN_VERIFIERS.filter(({ absent }) => absent === undefined)) {
    await using client = await trusting(verifier, server.url)
    assert.equal(client.root, told.root.sha256)
    assert.deepEqual(
      await client.targets(pages.map(({ path }) => path)),
      Object.fromEntries(pages.map(({ path, target }) => [path, target])),
      verifier.name,
    )
  }
  assert.equal(await server.stop(), 0)

  const again = await init(args)
  assert.deepEqual([again.code, again.told.error?.code], [1, 'occupied'])
  assert.match(
    again.told.error?.message ?? '',
    new RegExp(`is signed \\(.*${told.root.sha256}\\), and nothing was changed\\. Start it with: waxseal serve`),
  )
})

void test('an index whose database went a step back, where nothing is signed, is signed anew by init', async () => {
  using scratch = scratchFolder()
  const data = join(scratch.path, 'data')
  const before = await init(['--data', data, '--no-upstream', '--size', 'small'])
  await runWaxseal(['project', 'claim', 'acme', '--data', data])
  await runWaxseal(['upgrade', '--back', '--data', data])
  await runWaxseal(['upgrade', '--data', data])
  const after = await init(['--data', data, '--size', 'small'])
  assert.equal(after.code, 0, JSON.stringify(after.told))
  assert.notEqual(after.told.root.sha256, before.told.root.sha256)
  await using server = await startWaxseal({ dataDir: data })
  const { path, target } = await pageAt(server.url, 'acme')
  for (const verifier of FOREIGN_VERIFIERS.filter(({ absent }) => absent === undefined)) {
    await using client = await trusting(verifier, server.url)
    assert.deepEqual(await client.targets([path]), { [path]: target }, verifier.name)
  }
})

for (const [size, bits] of [
  ['small', 8],
  ['normal', 10],
  ['large', 14],
] as const) {
  void test(`a new index of size ${size} verifies from its first start on`, async () => {
    using scratch = scratchFolder()
    const data = join(scratch.path, 'data')
    const { code, told } = await init(['--data', data, '--no-upstream', '--size', size])
    assert.equal(code, 0)
    await using server = await startWaxseal({ dataDir: data })
    const bins = (await (await fetch(`${server.url}/tuf/1.bins.json`)).json()) as {
      signed: { delegations: { succinct_roles: { bit_length: number } } }
    }
    assert.equal(bins.signed.delegations.succinct_roles.bit_length, bits)
    await uploadFile(server, buildWheel({ name: 'acme-hello', version: '1.0' }))
    const { path, target } = await pageAt(server.url, 'acme-hello')
    for (const verifier of FOREIGN_VERIFIERS) {
      // tuf-js takes minutes for 16,384 bins: it compares each name with each delegation.
      if (verifier.absent !== undefined || (size === 'large' && !verifier.name.startsWith('python'))) continue
      await using client = await trusting(verifier, server.url)
      assert.equal(client.root, told.root.sha256)
      assert.deepEqual(await client.targets([path]), { [path]: target }, verifier.name)
    }
  })
}
