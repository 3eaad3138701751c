import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { MAIN, cleanEnvironment, documentOf, waxsealCommand } from '../support/command.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-edit-'))
const LOCK = resolve(import.meta.dirname, '../../packages/waxseal/src/config/edit-lock.ts')
const ROOT = process.getuid?.() === 0
const URL = 'https://p.example/'

const namesIn = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^\[upstream\.(.*)\]$/gm)].map(([, name = '']) => name)

/** Where the files may lie, and what the command is told. */
interface Case {
  readonly there: readonly string[]
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly edited: string
}

describe('the file that waxseal upstream edits', () => {
  const cases: readonly Case[] = [
    { there: [], edited: 'here/waxseal.toml' },
    { there: ['here/waxseal-data/waxseal.toml'], edited: 'here/waxseal-data/waxseal.toml' },
    { there: ['here/waxseal-data/waxseal.toml', 'here/waxseal.toml'], edited: 'here/waxseal.toml' },
    { there: [], args: ['--data', '../data'], edited: 'data/waxseal.toml' },
    { there: [], env: { WAXSEAL_DATA: '../data' }, edited: 'data/waxseal.toml' },
    { there: [], args: ['--data', '../data'], env: { WAXSEAL_DATA: '../other' }, edited: 'data/waxseal.toml' },
    { there: ['here/waxseal.toml'], env: { WAXSEAL_DATA: '../data' }, edited: 'here/waxseal.toml' },
    {
      there: ['here/waxseal.toml', 'data/waxseal.toml'],
      env: { WAXSEAL_DATA: '../data' },
      edited: 'data/waxseal.toml',
    },
    {
      there: ['data/waxseal.toml', 'etc/named.toml'],
      args: ['--data', '../data'],
      env: { WAXSEAL_CONFIG: '../etc/named.toml' },
      edited: 'etc/named.toml',
    },
    {
      there: ['etc/named.toml', 'etc/other.toml'],
      args: ['--config', '../etc/other.toml'],
      env: { WAXSEAL_CONFIG: '../etc/named.toml', WAXSEAL_DATA: '../data' },
      edited: 'etc/other.toml',
    },
  ]
  for (const { there, args = [], env = {}, edited } of cases) {
    const said = [...args, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)].join(' ')
    it(`with ${said || 'nothing said'} and ${there.join(', ') || 'no file'} is ${edited}, as for serve`, async () => {
      await using folder = await scratch()
      for (const name of ['here/waxseal-data', 'data', 'other', 'etc']) {
        mkdirSync(join(folder.path, name), { recursive: true })
      }
      for (const name of there) writeFileSync(join(folder.path, name), '')
      const place = { cwd: join(folder.path, 'here'), env }
      const run = await waxsealCommand(['upstream', 'add', 'partner', URL, ...args, '--json'], place)
      assert.equal(run.code, 0, run.stderr)
      const file = join(folder.path, edited)
      assert.equal(documentOf(run)['file'], file)
      assert.deepEqual(namesIn(file), ['pypi', 'partner'])
      for (const name of there.filter((one) => one !== edited)) {
        assert.equal(readFileSync(join(folder.path, name), 'utf8'), '')
      }
      // The same function finds it for `serve`.
      const shown = documentOf(await waxsealCommand(['config', 'show', ...args, '--json'], place))
      assert.equal(resolve(place.cwd, String(shown['file'])), file)
    })
  }

  it('is not made for a data folder that does not exist', async () => {
    await using folder = await scratch()
    const run = await waxsealCommand(['upstream', 'add', 'partner', URL, '--data', join(folder.path, 'gone'), '--json'])
    assert.equal(run.code, 3)
    assert.equal((documentOf(run)['error'] as { code: string }).code, 'no-index')
    assert.deepEqual(readdirSync(folder.path), [])
  })

  it('keeps owner, group and mode when root edits it; a new one belongs to whom its folder does', async (t) => {
    if (!ROOT) return t.skip('only root can give files away')
    await using folder = await scratch()
    const data = join(folder.path, 'data')
    const file = join(data, 'waxseal.toml')
    mkdirSync(data)
    chownSync(data, 12_345, 23_456)
    const edit = async (...args: readonly string[]): Promise<void> => {
      const run = await waxsealCommand(['upstream', ...args, '--data', data])
      assert.equal(run.code, 0, run.stderr)
    }
    const owned = (path: string): readonly number[] => {
      const { uid, gid, mode } = statSync(path)
      return [uid, gid, mode & 0o777]
    }
    await edit('add', 'partner', URL)
    assert.deepEqual(owned(file), [12_345, 23_456, 0o600])
    chownSync(file, 12_345, 34_567)
    chmodSync(file, 0o640)
    await edit('remove', 'partner')
    assert.deepEqual(owned(file), [12_345, 34_567, 0o640])
    // Whoever owns the folder can edit the file next.
    for (const name of readdirSync(data)) assert.equal(statSync(join(data, name)).uid, 12_345, name)
  })

  it('stays a link where it is one', async () => {
    await using folder = await scratch()
    mkdirSync(join(folder.path, 'etc'))
    const [link, target] = [join(folder.path, 'waxseal.toml'), join(folder.path, 'etc/real.toml')]
    writeFileSync(target, '# mine\n', { mode: 0o640 })
    symlinkSync('etc/real.toml', link)
    const run = await waxsealCommand(['upstream', 'add', 'partner', URL], { cwd: folder.path })
    assert.equal(run.code, 0, run.stderr)
    assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(target).isFile())
    assert.deepEqual(namesIn(target), ['pypi', 'partner'])
    assert.equal(statSync(target).mode & 0o777, 0o640)
  })

  it('is not written through what somebody else laid in its folder', async () => {
    await using folder = await scratch()
    writeFileSync(join(folder.path, 'precious'), 'precious')
    // Process numbers can be foreseen: in a container it is mostly the same one.
    const child = spawn(
      'sh',
      [
        '-c',
        'ln -s precious .waxseal.toml.$$.tmp && exec "$@"',
        'sh',
        process.execPath,
        MAIN,
        'upstream',
        'add',
        'partner',
        URL,
      ],
      { cwd: folder.path, env: cleanEnvironment(), stdio: 'ignore' },
    )
    assert.deepEqual(await once(child, 'close'), [0, null])
    assert.equal(readFileSync(join(folder.path, 'precious'), 'utf8'), 'precious')
    assert.deepEqual(namesIn(join(folder.path, 'waxseal.toml')), ['pypi', 'partner'])
  })

  it('is not edited where its lock is a link, which would lock or make a file elsewhere', async () => {
    await using folder = await scratch()
    symlinkSync('elsewhere', join(folder.path, '.waxseal.toml.lock'))
    const run = await waxsealCommand(['upstream', 'add', 'partner', URL], { cwd: folder.path })
    assert.equal(run.code, 3)
    assert.match(run.stderr, /\.waxseal\.toml\.lock is no regular file/)
    assert.deepEqual(readdirSync(folder.path), ['.waxseal.toml.lock'])
  })

  it('loses none of several edits at once', async () => {
    await using folder = await scratch()
    const names = Array.from({ length: 6 }, (_, at) => `partner-${at}`)
    const runs = await Promise.all(
      names.map((name) => waxsealCommand(['upstream', 'add', name, URL], { cwd: folder.path })),
    )
    for (const run of runs) assert.equal(run.code, 0, run.stderr)
    assert.deepEqual(namesIn(join(folder.path, 'waxseal.toml')).toSorted(), [...names, 'pypi'])
  })

  it('waits for another edit, and not for one that was killed', async () => {
    await using folder = await scratch()
    const file = join(folder.path, 'waxseal.toml')
    const script = `import { lockForEdit } from ${JSON.stringify(LOCK)}
      globalThis.lock = lockForEdit(${JSON.stringify(file)})
      console.log('held')
      setInterval(() => undefined, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const held = once(holder, 'exit')
    await Promise.race([once(holder.stdout, 'data'), held.then(() => assert.fail('it did not get the lock'))])
    const editor = spawn(process.execPath, [MAIN, 'upstream', 'add', 'partner', URL], {
      cwd: dirname(file),
      env: cleanEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const edited = once(editor, 'close')
    const early = edited.then(() => assert.fail('it did not wait'))
    const [said] = (await Promise.race([once(editor.stderr.setEncoding('utf8'), 'data'), early])) as [string]
    early.catch(() => undefined)
    assert.match(said, /Another command is editing .*waxseal\.toml; waiting for it/)
    assert.equal(existsSync(file), false)
    holder.kill('SIGKILL')
    await held
    assert.deepEqual(await edited, [0, null])
    assert.deepEqual(namesIn(file), ['pypi', 'partner'])
  })
})
