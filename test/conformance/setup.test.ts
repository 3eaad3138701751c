import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'

const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')
const URL_HERE = ['--url', 'https://packages.example/']

let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'waxseal-setup-'))
})
after(() => rm(home, { recursive: true }))

/** `waxseal setup` with nothing of this machine's environment. */
function setup(
  args: readonly string[],
  more: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
) {
  return spawnSync(process.execPath, [MAIN, 'setup', ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_DIRS: home, ...more.env },
    input: more.input ?? '',
    encoding: 'utf8',
  })
}

test('setup prints and writes nothing; with --write it writes', () => {
  const printed = setup(['pip', ...URL_HERE])
  assert.equal(printed.status, 0, printed.stderr)
  assert.match(printed.stdout, /pip\.conf:\n\n {2}\[global\]\n {2}index-url = https:\/\/packages\.example\/simple\/\n/)
  assert.deepEqual(
    readdirSync(home).filter((name) => name !== '.cache'),
    [],
    "but for Node's own cache",
  )
  const written = setup(['pip', ...URL_HERE, '--write', '--token-file', '-', '--json'], { input: 'wax_secret\n' })
  assert.equal(written.status, 0, written.stderr)
  const { files } = JSON.parse(written.stdout) as {
    readonly files: readonly { readonly path: string; readonly state: string }[]
  }
  assert.deepEqual(
    files.map(({ path, state }) => [path, state]),
    [
      [join(home, '.config/pip/pip.conf'), 'written'],
      [join(home, '.netrc'), 'written'],
    ],
  )
  assert.ok(!written.stdout.includes('wax_secret'))
  assert.match(readFileSync(join(home, '.netrc'), 'utf8'), /password wax_secret\n$/)
})

test('setup for other machines says so when the address reaches only this one', () => {
  for (const client of ['docker', 'github', 'gitlab']) {
    const note = /127\.0\.0\.1 is the machine itself, .* --url/
    assert.match(setup([client, '--url', 'http://127.0.0.1:8417/']).stdout, note)
    assert.doesNotMatch(setup([client, ...URL_HERE]).stdout, / is the machine itself/)
  }
  assert.doesNotMatch(setup(['pip', '--url', 'http://127.0.0.1:8417/']).stdout, / is the machine itself/)
})

test('a secret that cannot be read is named with its option, exit 2', () => {
  const absent = setup(['twine', ...URL_HERE, '--token-file', 'nowhere'])
  assert.equal(absent.status, 2)
  assert.equal(absent.stderr, 'waxseal: --token-file: nowhere cannot be read: there is no such file.\n')
  assert.match(setup(['twine', ...URL_HERE, '--token-file', home]).stderr, /--token-file: .* cannot be read: EISDIR/)
})

test('setup refuses a second index with exit 1, and says it in one document with --json', () => {
  const refused = setup(['pip', ...URL_HERE, '--write', '--json'], {
    env: { PIP_EXTRA_INDEX_URL: 'https://other.example/' },
  })
  assert.equal(refused.status, 1)
  assert.equal((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, 'setup-conflict')
})

test('what --force cannot take out is told with exit 1, though the rest is written', () => {
  const folder = join(home, 'forced')
  const env = { XDG_CONFIG_HOME: folder, PIP_INDEX_URL: 'https://me:hunter2@other.example/simple/' }
  const args = ['pip', ...URL_HERE, '--write', '--force']
  const forced = setup(args, { env })
  assert.equal(forced.status, 1, forced.stderr)
  assert.match(
    forced.stdout,
    /Wrote .*pip\.conf.\nStill in the way: .* PIP_INDEX_URL is set \(https:\/\/other\.example/,
  )
  assert.doesNotMatch(forced.stdout, /hunter2|is the only/)
  assert.match(readFileSync(join(folder, 'pip/pip.conf'), 'utf8'), /packages\.example/)
  const told = JSON.parse(setup([...args, '--json'], { env }).stdout) as { readonly conflicts: readonly string[] }
  assert.equal(told.conflicts.length, 1)
  assert.equal(setup(args, { env: { XDG_CONFIG_HOME: folder } }).status, 0)
})

test('setup takes the address from the configuration, and without one says how to give it', () => {
  const nowhere = setup(['pip'], { env: { WAXSEAL_LISTEN: '127.0.0.1:9' } })
  assert.equal(nowhere.status, 3)
  assert.match(nowhere.stderr, /None answers at http:\/\/127\.0\.0\.1:9\. Say --url/)
  writeFileSync(join(home, 'waxseal.toml'), 'public-url = "https://public.example/python/"\nreading = "private"\n')
  const printed = setup(['gitlab'])
  assert.match(printed.stdout, /PIP_INDEX_URL: "https:\/\/public\.example\/python\/simple\/"/)
  assert.match(printed.stdout, /login %s password %s/, 'a private index is read with credentials')
})

test('wrong use of setup is exit 2', () => {
  for (const args of [
    ['docker', '--write'],
    ['pip', '--username', 'a b'],
    ['uv', '--index', 'a]b'],
  ]) {
    assert.equal(setup([...args, ...URL_HERE]).status, 2, args.join(' '))
  }
})
