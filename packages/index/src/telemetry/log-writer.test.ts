import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { LOG_BUFFER_MAX, LOG_FLUSH_MS } from '../limits.ts'
import { LogWriter } from './log-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'waxseal-log-'))
after(() => rmSync(folder, { recursive: true }))

/** What is in a pipe now. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(1024 * 1024)
  let text = ''
  for (;;) {
    try {
      text += buffer.toString('utf8', 0, readSync(fd, buffer))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return text
      throw error
    }
  }
}

suite('log lines', () => {
  test('wait LOG_FLUSH_MS at most until they are written: what is older SIGKILL cannot lose', async (t) => {
    const path = join(folder, 'file')
    const fd = openSync(path, 'w')
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const writer = new LogWriter(fd, () => assert.fail('nothing is lost'))
    writer.write('one\n')
    t.mock.timers.tick(LOG_FLUSH_MS - 1)
    writer.write('two\n')
    assert.equal(readFileSync(path, 'utf8'), '')
    t.mock.timers.tick(1)
    // Resolves when the write that the timer began has ended, and begins none of its own.
    await writer.flush()
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
    await writer[Symbol.asyncDispose]()
    closeSync(fd)
  })

  test('of a reader that stands still: kept up to a bound, lost and counted beyond, in order once it reads', async () => {
    const path = join(folder, 'fifo')
    execFileSync('mkfifo', [path])
    const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    const told: number[] = []
    const writer = new LogWriter(fd, (count) => told.push(count))
    const line = (at: number): string => `${String(at).padStart(999)}\n`
    const lines = 2 * Math.ceil(LOG_BUFFER_MAX / 1000)
    for (let at = 0; at < lines; at++) writer.write(line(at))
    const flushed = writer.flush()
    let text = ''
    while (told.length === 0) {
      text += drain(reading)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await flushed
    text += drain(reading)
    const kept = text.split('\n').filter((row) => row !== '')
    assert.equal(kept.length + (told[0] ?? 0), lines)
    assert.ok(kept.length * 1000 <= LOG_BUFFER_MAX && kept.length * 1000 > LOG_BUFFER_MAX - 2000)
    for (const [at, row] of kept.entries()) assert.equal(Number(row), at)
    writer.write('goes on\n')
    await writer[Symbol.asyncDispose]()
    assert.equal(drain(reading), 'goes on\n')
    closeSync(fd)
    closeSync(reading)
  })

  test('that a full disk does not take are counted', async () => {
    const fd = openSync('/dev/full', 'w')
    const writer = new LogWriter(fd, () => assert.fail('there is no room to tell it'))
    writer.write('lost\n')
    await writer[Symbol.asyncDispose]()
    closeSync(fd)
  })
})
