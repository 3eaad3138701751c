import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startScene, terminal } from '../clients/scene.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { clockAt } from '../support/clock-at.ts'
import { intoTarget, machineTrusting } from './machine.ts'

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'gets what verifies, from nothing in two commands', async (client) => {
    await using scene = await startScene()
    await using machine = await machineTrusting(undefined)
    const added = await machine.waxseal(['trust', 'add', scene.server.url, '--yes'])
    assert.equal(added.code, 0, added.stderr)
    assert.match(added.stdout, /is trusted from now on; its root has the sha256\n {2}[0-9a-f]{64}\n/)
    const target = join(machine.folder, 'site')
    const first = await machine.waxseal(['run', '--', client.python, '-m', 'pip', ...intoTarget(target, 'acme-app')])
    assert.equal(first.code, 0, terminal(first))
    assert.match(
      first.stderr,
      /waxseal: 3 files verified from http:\/\/127\.0\.0\.1:\d+, snapshot \d+, signed \d+ s ago/,
    )
    assert.match(first.stderr, /^ {2}signed {2}acme_app-1\.0-py3-none-any\.whl$/m)
    assert.deepEqual(
      readdirSync(target)
        .filter((name) => name.endsWith('.dist-info'))
        .toSorted(),
      ['acme_app-1.0.dist-info', 'alpha_dep-1.0.dist-info', 'beta_dep-2.0.dist-info'],
    )

    // Later: what is kept here is verified again, and was seen long before.
    const later = clockAt(Date.now() + 13 * 3_600_000)
    const again = await machine.pip(client, intoTarget(join(machine.folder, 'again'), 'acme-app'), { env: later })
    assert.equal(again.code, 0, terminal(again))
    assert.deepEqual(
      again.report.files
        .map(({ filename, trust, cached }) => ({ filename, trust, cached }))
        .toSorted((a, b) => (a.filename < b.filename ? -1 : 1)),
      [scene.app, scene.alpha, scene.beta].map(({ filename }) => ({ filename, trust: 'pinned', cached: true })),
    )
    for (const file of again.report.files) {
      const built = [scene.app, scene.alpha, scene.beta].find(({ filename }) => filename === file.filename)
      assert.equal(file.sha256, built?.sha256)
      assert.ok(Date.parse(file.pinnedSince ?? '') <= Date.now())
    }
    assert.deepEqual(again.report.refused, [])
  })

  clientTest(wanted, 'gets what a PEP 517 build needs through the guard too', async (client) => {
    await using scene = await startScene()
    await using machine = await machineTrusting(scene.server.url)
    const target = join(machine.folder, 'site')
    const built = await machine.pip(client, intoTarget(target, '--no-deps', 'acme-native'))
    assert.equal(built.code, 0, terminal(built))
    assert.ok(existsSync(join(target, 'acme_native-1.0.dist-info')))
    assert.deepEqual(built.report.files.map(({ project }) => project).toSorted(), ['acme-native', 'flit-core'])
    assert.deepEqual(built.report.outside, [])
  })

  clientTest(wanted, 'says on the screen what is not offered, and why', async (client) => {
    await using scene = await startScene()
    await using machine = await machineTrusting(scene.server.url)
    const outcome = await machine.waxseal([
      'run',
      '--',
      client.python,
      '-m',
      'pip',
      ...intoTarget(join(machine.folder, 'site'), 'acme-ap'),
    ])
    assert.equal(outcome.code, 1)
    assert.match(
      terminal(outcome),
      /refused \(not-offered\): acme-ap is not offered by the index, as far as anything is signed\. What there is: waxseal why acme-ap/,
    )
  })

  clientTest(wanted, 'keeps installing what is kept here when the index is gone, and says so', async (client) => {
    await using scene = await startScene()
    await using machine = await machineTrusting(scene.server.url)
    const first = await machine.pip(client, intoTarget(join(machine.folder, 'site'), 'acme-app'))
    assert.equal(first.code, 0, terminal(first))
    await scene.server.kill9()
    const offline = await machine.pip(client, intoTarget(join(machine.folder, 'offline'), 'acme-app'))
    assert.equal(offline.code, 0, terminal(offline))
    assert.equal(offline.report.offline, true)
    assert.match(offline.report.notes.join(), /could not be reached/)
    const told = await machine.pip(client, intoTarget(join(machine.folder, 'told'), 'acme-app'), { run: ['--offline'] })
    assert.equal(told.code, 0, terminal(told))
    // What is not kept here cannot be had, and what expired is not believed: two days later nothing is.
    const other = await machine.pip(client, intoTarget(join(machine.folder, 'other'), 'acme-native'))
    assert.equal(other.code, 1)
    assert.match(other.report.refused.map(({ code }) => code).join(), /index-unreachable/)
  })

  clientTest(wanted, 'leaves a program no other way than the guard', async (client) => {
    await using scene = await startScene()
    await using machine = await machineTrusting(scene.server.url)
    const script = [
      'import urllib.request, urllib.error, sys',
      'for url in sys.argv[1:]:',
      '    try:',
      '        print(url, urllib.request.urlopen(url).status)',
      '    except urllib.error.HTTPError as error:',
      '        print(url, error.code, error.reason)',
      '    except OSError as error:',
      '        print(url, error)',
    ].join('\n')
    const places = [`${scene.server.url}/simple/`, 'https://pypi.org/simple/', 'http://pypi.org/simple/']
    const outcome = await machine.waxseal(['run', '--', client.python, '-c', script, ...places])
    const lines = outcome.stdout.trim().split('\n')
    assert.match(lines[0] ?? '', /403 waxseal: outside-refused/)
    assert.match(lines[1] ?? '', /Tunnel connection failed: 403/)
    assert.match(lines[2] ?? '', /403 waxseal: outside-refused/)
    assert.match(outcome.stderr, /refused \(outside-refused\): something wanted to reach pypi\.org:443, past the guard/)
  })
}

void test('waxseal run ends as the program does, and with 3 where there is no such program', async () => {
  await using scene = await startScene()
  await using machine = await machineTrusting(scene.server.url)
  assert.equal((await machine.waxseal(['run', '--', 'sh', '-c', 'exit 7'])).code, 7)
  assert.equal((await machine.waxseal(['run', '--', 'sh', '-c', 'kill -TERM $$'])).code, 128 + 15)
  const absent = await machine.waxseal(['run', '--', 'no-such-program'])
  assert.equal(absent.code, 3)
  assert.match(absent.stderr, /^waxseal: no-such-program could not be started: there is no such program here\.$/m)
})

void test('waxseal run --report writes what was verified, as in-toto and CycloneDX have it', async (t) => {
  const client = wantedClients('pip').find(({ client: found }) => found !== undefined)?.client
  if (client === undefined) return t.skip('no pip')
  await using scene = await startScene()
  await using machine = await machineTrusting(scene.server.url)
  const written = async (format: string): Promise<unknown> => {
    const report = join(machine.folder, `${format}.json`)
    const target = join(machine.folder, format)
    const outcome = await machine.pip(client, intoTarget(target, 'alpha-dep==1.0'), {
      run: ['--report', report, '--format', format],
    })
    assert.equal(outcome.code, 0, terminal(outcome))
    return JSON.parse(readFileSync(report, 'utf8'))
  }
  const statement = (await written('in-toto')) as { _type: string; subject: unknown }
  assert.equal(statement._type, 'https://in-toto.io/Statement/v1')
  assert.deepEqual(statement.subject, [{ name: scene.alpha.filename, digest: { sha256: scene.alpha.sha256 } }])
  const fragment = (await written('cyclonedx')) as {
    bomFormat: string
    components: { purl: string; hashes: unknown }[]
  }
  assert.equal(fragment.bomFormat, 'CycloneDX')
  assert.equal(fragment.components[0]?.purl, `pkg:pypi/alpha-dep@1.0?file_name=${scene.alpha.filename}`)
  assert.deepEqual(fragment.components[0]?.hashes, [{ alg: 'SHA-256', content: scene.alpha.sha256 }])
})
