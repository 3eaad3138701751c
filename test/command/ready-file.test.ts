import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { MAIN, cleanEnvironment, waxsealCommand } from '../support/command.ts'

const scratch = () => mkdtempDisposable(join(tmpdir(), 'waxseal-ready-'))

const pidIn = (file: string): number | undefined => {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid
  } catch {
    return undefined
  }
}

/** Starts a server, and tells what the ready file said with each change of its folder until it speaks of this server. */
async function started(folder: string) {
  const file = join(folder, 'ready.json')
  const seen: (number | undefined)[] = []
  const watcher = watch(folder)
  const args = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--no-upstream']
  const child = spawn(process.execPath, [MAIN, ...args, '--ready-file', file], {
    env: cleanEnvironment(),
    stdio: 'ignore',
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  await Promise.race([
    new Promise<void>((done) => {
      watcher.on('change', (_kind, name) => {
        if (name !== 'ready.json') return
        const pid = pidIn(file)
        seen.push(pid)
        if (pid === child.pid) done()
      })
    }),
    ended.then(([code]) => assert.fail(`it ended with ${code}`)),
  ]).finally(() => watcher.close())
  return {
    file,
    seen,
    pid: child.pid,
    async end(signal: NodeJS.Signals) {
      child.kill(signal)
      return await ended
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

describe('the ready file of waxseal serve', () => {
  it('goes with a server that stops; that of one that was killed goes first thing when the next one starts', async () => {
    await using folder = await scratch()
    await using first = await started(folder.path)
    assert.deepEqual(await first.end('SIGKILL'), [null, 'SIGKILL'])
    assert.equal(pidIn(first.file), first.pid)
    await using second = await started(folder.path)
    assert.deepEqual([second.seen[0], second.seen.at(-1)], [undefined, second.pid])
    assert.ok(!second.seen.includes(first.pid))
    assert.deepEqual(await second.end('SIGTERM'), [0, null])
    assert.equal(existsSync(second.file), false)
  })

  it('of another server, which took its place, stays', async () => {
    await using folder = await scratch()
    await using first = await started(folder.path)
    const other = JSON.stringify({ url: 'http://127.0.0.1:1/', pid: process.pid, version: '1' })
    writeFileSync(first.file, other)
    assert.deepEqual(await first.end('SIGTERM'), [0, null])
    assert.equal(readFileSync(first.file, 'utf8'), other)
  })

  it('of a running server stays when a second one does not come to listen', async () => {
    await using folder = await scratch()
    await using first = await started(folder.path)
    const before = readFileSync(first.file, 'utf8')
    const { host } = new URL((JSON.parse(before) as { url: string }).url)
    const args = ['--data', join(folder.path, 'other'), '--listen', host, '--no-upstream', '--ready-file', first.file]
    const second = await waxsealCommand(['serve', ...args])
    assert.equal(second.code, 3, second.stderr)
    assert.match(second.stderr, /Cannot listen/i)
    assert.equal(readFileSync(first.file, 'utf8'), before)
    assert.deepEqual(await first.end('SIGTERM'), [0, null])
    assert.equal(existsSync(first.file), false)
  })

  it('of an earlier server is gone after a start that fails, also over its configuration', async () => {
    await using folder = await scratch()
    const file = join(folder.path, 'ready.json')
    for (const wrong of [
      ['--listen', 'x'],
      ['--listen', '127.0.0.1:0', '--data', '/dev/null/data'],
    ]) {
      writeFileSync(file, '{}')
      const run = await waxsealCommand(['serve', ...wrong, '--ready-file', file], { cwd: folder.path })
      assert.notEqual(run.code, 0)
      assert.equal(existsSync(file), false, wrong.join(' '))
    }
  })

  it('that cannot be written ends the start before anything is made', async () => {
    await using folder = await scratch()
    mkdirSync(join(folder.path, 'folder'))
    const data = join(folder.path, 'data')
    for (const file of [join(folder.path, 'folder'), join(folder.path, 'gone/ready.json')]) {
      const run = await waxsealCommand(['serve', '--data', data, '--listen', '127.0.0.1:0', '--ready-file', file])
      assert.equal(run.code, 3, run.stderr)
      assert.match(run.stderr, /^waxseal: The ready file .* cannot be written: /)
    }
    assert.ok(statSync(join(folder.path, 'folder')).isDirectory())
    assert.equal(existsSync(data), false)
  })
})
