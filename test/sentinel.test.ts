import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { until } from './support/behind-upstream.ts'
import { documentOf, waxsealCommand } from './support/command.ts'
import { buildWheel } from './support/python-projects.ts'
import { startWaxseal } from './support/server.ts'
import { uploadForm } from './support/upload-form.ts'
import { startSimulator } from './support/upstream-simulator.ts'

interface Told {
  readonly kind: string
  readonly actor: string | null
  readonly project: string | null
}

suite('the sentinel of a running server', () => {
  test('DC-17, DC-19: looks by itself, tells, counts, and asks for the list alone; the command says the same', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-sentinel-'))
    await using upstream = await startSimulator()
    upstream.listNames(['numpy', 'six'])
    const config = join(folder.path, 'waxseal.toml')
    const table = `[upstream.sim]\nurl = ${JSON.stringify(upstream.simpleUrl)}\n`
    // A tenth of that is how often it looks.
    await writeFile(config, `prefixes = ["acme"]\n[sentinel]\nevery-hours = 0.001\n${table}`)
    const dataDir = join(folder.path, 'data')
    await using server = await startWaxseal({ dataDir, args: ['--config', config] })
    const admin = { authorization: `Bearer ${server.token}` }
    const command = (...args: readonly string[]) =>
      waxsealCommand([...args, '--data', dataDir, '--config', config, '--json'])
    const basic = `Basic ${Buffer.from(`__token__:${server.token}`).toString('base64')}`
    const wheel = buildWheel({ name: 'corp-billing', version: '1.0' })
    // Whether a new name is free is asked; under a reserved prefix nobody is asked.
    const claimed = await command('project', 'claim', 'corp-billing')
    assert.equal(claimed.code, 0, claimed.stderr)
    upstream.clearRequests()
    const uploaded = await fetch(`${server.url}/legacy/`, {
      method: 'POST',
      headers: { authorization: basic },
      body: uploadForm(wheel),
    })
    assert.equal(uploaded.status, 200, await uploaded.text())

    upstream.listNames(['numpy', 'six', 'corp-billing', 'acme-tools', 'corp-bi11ing'])
    const told = await until(
      async () => {
        const answer = await fetch(`${server.url}/api/v1/events?limit=1000`, { headers: admin })
        const { events } = (await answer.json()) as { events: readonly Told[] }
        return events.filter(({ kind }) => kind.startsWith('upstream-'))
      },
      (events) => events.length >= 3,
    )
    assert.deepEqual(
      told.map(({ kind, actor, project }) => [kind, actor, project]),
      [
        ['upstream-collision', 'upstream:sim', 'corp-billing'],
        ['upstream-under-namespace', 'upstream:sim', 'acme-tools'],
        ['upstream-look-alike', 'upstream:sim', 'corp-billing'],
      ],
    )
    const metrics = await until(
      async () => (await fetch(`${server.url}/metrics`)).text(),
      (text) => text.includes('kind="upstream-collision"} 1'),
    )
    assert.match(metrics, /waxseal_upstream_findings\{upstream="sim",kind="upstream-look-alike"\} 1/)
    assert.match(metrics, /waxseal_upstream_list_names\{upstream="sim"\} 5/)

    const status = documentOf(await command('sentinel', 'status')) as { findings: { name: string }[] }
    assert.deepEqual(
      status.findings.map(({ name }) => name),
      ['acme-tools', 'corp-bi11ing', 'corp-billing'],
    )
    const page = await fetch(`${server.url}/simple/acme-tools/`)
    assert.equal(page.status, 200)
    await page.text()
    const why = await fetch(`${server.url}/why/corp-billing`)
    await why.text()
    assert.deepEqual(new Set(upstream.requests.map(({ path }) => path)), new Set(['/simple/']))
  })

  test('the command looks without a server, says when a list cannot be read, and knows which are not', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-sentinel-'))
    await using upstream = await startSimulator()
    const dataDir = join(folder.path, 'data')
    const config = join(folder.path, 'waxseal.toml')
    const table = `[upstream.sim]\nurl = ${JSON.stringify(upstream.simpleUrl)}\n`
    await writeFile(config, `prefixes = ["acme"]\n${table}`)
    {
      await using server = await startWaxseal({ dataDir, args: ['--config', config] })
      await server.stop()
    }
    upstream.clearRequests()
    const command = (...args: readonly string[]) => waxsealCommand([...args, '--data', dataDir, '--config', config])
    const before = await command('sentinel', 'status')
    assert.match(before.stdout, /No list was read yet/)
    upstream.listNames(['acme-x'])
    const run = await command('sentinel', 'run')
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /^sim: 1 name; 1 to tell anew, 0 gone\.\n[^]*acme-x +is under the reserved acme/)
    assert.match((await command('sentinel', 'run')).stdout, /^sim: the list is as it was\./)
    upstream.setFault('/simple/', { kind: 'status', status: 403 })
    const failed = await command('sentinel', 'run')
    assert.equal(failed.code, 3)
    assert.match(failed.stdout, /cannot be read: The upstream answered with status 403; check the\n? *credentials/)
    assert.match((await command('sentinel', 'status')).stdout, /! sim cannot be read since /)
    await writeFile(config, `prefixes = ["acme"]\n[sentinel]\nexcept = ["sim"]\n${table}`)
    upstream.clearRequests()
    assert.match((await command('sentinel', 'run')).stdout, /^No upstream is asked/)
    assert.match((await command('sentinel', 'status')).stdout, /No list was read yet/)
    await writeFile(config, `[sentinel]\nexcept = ["typo"]\n${table}`)
    const wrong = await command('sentinel', 'run')
    assert.equal(wrong.code, 2, wrong.stderr)
    assert.match(wrong.stderr, /there is no upstream typo/)
    assert.deepEqual(upstream.requests, [])
  })
})
