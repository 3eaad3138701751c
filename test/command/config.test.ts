import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { documentOf, waxsealCommand } from '../support/command.ts'

describe('waxseal config', () => {
  it('check exits with 2 for what is wrong, telling all of it to people and to scripts', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-config-'))
    writeFileSync(join(folder.path, 'waxseal.toml'), 'listenn = "x"\n\nreading = "privat"\n')
    const run = await waxsealCommand(['config', 'check', '--json'], { cwd: folder.path, env: { WAXSEAL_LOUD: '1' } })
    assert.equal(run.code, 2)
    assert.equal(
      run.stderr,
      [
        'waxseal: The configuration has 2 problems:',
        '  waxseal.toml, line 1, listenn: there is no such key. Did you mean listen?',
        '  waxseal.toml, line 3, reading: wants "public" or "private"',
        '',
      ].join('\n'),
    )
    const error = documentOf(run)['error'] as Record<string, unknown>
    assert.equal(error['code'], 'config-invalid')
    assert.deepEqual(error['problems'], [
      {
        source: 'file',
        file: 'waxseal.toml',
        line: 1,
        key: 'listenn',
        message: 'there is no such key. Did you mean listen?',
      },
      { source: 'file', file: 'waxseal.toml', line: 3, key: 'reading', message: 'wants "public" or "private"' },
    ])
    assert.match(String(error['warnings']), /WAXSEAL_LOUD means nothing/)
  })

  it('check warns of what works and is hardly meant, and exits with 0', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-config-'))
    const data = join(folder.path, 'data')
    await mkdir(data)
    writeFileSync(join(data, 'waxseal.toml'), '')
    const config = join(folder.path, 'waxseal.toml')
    writeFileSync(
      config,
      [
        `data = "data"`,
        'listen = "0.0.0.0:8417"',
        'public-url = "http://packages.example/"',
        '[upstream.one]',
        'url = "https://user:hunter2@one.example/simple/"',
        '[upstream.two]',
        'url = "https://two.example/simple/"',
      ].join('\n'),
    )
    chmodSync(config, 0o644)
    const run = await waxsealCommand(['config', 'check', '--config', config, '--json'])
    assert.deepEqual([run.code, run.stderr], [0, ''])
    const { warnings } = documentOf(run) as { warnings: string[] }
    const expected = [
      /data\/waxseal\.toml is not read/,
      /every user of this machine may read it/,
      /plain http/,
      /first of one, two/,
    ]
    for (const pattern of expected)
      assert.ok(
        warnings.some((text) => pattern.test(text)),
        `${pattern}\n${warnings.join('\n')}`,
      )
    assert.equal(warnings.length, expected.length)
    assert.doesNotMatch(run.stdout, /hunter2/)
    const people = await waxsealCommand(['config', 'check', '--config', config])
    assert.equal(people.stderr.split('\n').filter((line) => line.startsWith('Warning: ')).length, expected.length)
    assert.equal(people.stdout, `${config} is right; ${expected.length} to look at.\n`)
  })

  it('show says what holds and where it comes from, without any secret', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-config-'))
    writeFileSync(
      join(folder.path, 'waxseal.toml'),
      'prefixes = ["corp"]\nlisten = "127.0.0.1:1"\n[upstream.one]\nurl = "https://user:hunter2@one.example/simple/"\n',
    )
    const run = await waxsealCommand(['config', 'show', '--data', 'd', '--json'], {
      cwd: folder.path,
      env: { WAXSEAL_DATABASE: 'postgres://me:hunter2@db/waxseal?sslpassword=hunter2', WAXSEAL_LISTEN: '127.0.0.1:2' },
    })
    assert.equal(run.code, 0, run.stderr)
    assert.doesNotMatch(run.stdout, /hunter2/)
    const settings = documentOf(run)['settings'] as readonly { readonly key: string }[]
    const setting = (key: string) => settings.find((one) => one.key === key)
    assert.deepEqual(setting('data'), { key: 'data', value: join(folder.path, 'd'), from: 'option', source: '--data' })
    assert.deepEqual(setting('listen'), {
      key: 'listen',
      value: ['127.0.0.1:2'],
      from: 'environment',
      source: 'WAXSEAL_LISTEN',
    })
    assert.deepEqual(setting('prefixes'), {
      key: 'prefixes',
      value: ['corp'],
      from: 'file',
      source: 'waxseal.toml',
      line: 1,
    })
    assert.deepEqual(setting('reading'), { key: 'reading', value: 'public', from: 'default' })
    const upstream = { key: 'upstream.one.url', value: 'https://user:***@one.example/simple/', from: 'file' }
    assert.deepEqual(setting('upstream.one.url'), { ...upstream, source: 'waxseal.toml', line: 4 })
    const people = await waxsealCommand(['config', 'show'], { cwd: folder.path })
    assert.match(people.stdout, /^prefixes +\["corp"\] +waxseal\.toml, line 1$/m)
    assert.match(people.stdout, /^database +\(SQLite in the data folder\) +default$/m)
  })
})
