import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startProgress } from './progress.ts'

function scene(isTTY: boolean, columns = 80) {
  let time = 0
  let written = ''
  const stream = { isTTY, columns, write: (text: string) => (written += text) }
  const progress = startProgress('Backup', { stream, now: () => time })
  return { progress, written: () => written, pass: (milliseconds: number) => (time += milliseconds) }
}

describe('progress', () => {
  it('says nothing of work that is over quickly, on a terminal or elsewhere', () => {
    for (const isTTY of [true, false]) {
      const { progress, written, pass } = scene(isTTY)
      progress.update(1, 10, 'files')
      pass(200)
      progress.update(10, 10, 'files')
      progress.end()
      assert.equal(written(), '')
    }
  })

  it('draws a bar on a terminal, no wider than it, not at every update, and takes it away at the end', () => {
    const { progress, written, pass } = scene(true, 40)
    pass(1000)
    progress.update(5, 10, 'files')
    progress.update(6, 10, 'files')
    assert.equal(written(), '\r\u001b[KBackup [############------------] 5 of 10 files (50 %)'.slice(0, 4 + 39))
    progress.end()
    progress.end()
    progress.update(7, 10, 'files')
    assert.ok(written().endsWith('\r\u001b[K'))
    assert.equal(written().split('\r').length, 3)
  })

  it('writes whole plain lines elsewhere, at intervals', () => {
    const { progress, written, pass } = scene(false)
    for (let done = 1; done <= 30; done += 1) {
      pass(1000)
      progress.update(done, undefined, 'files')
    }
    progress.end()
    assert.equal(written(), 'Backup: 5 files\nBackup: 15 files\nBackup: 25 files\n')
  })

  it('LOG: gives the terminal no commands that stand in a name', () => {
    const { progress, written, pass } = scene(false)
    pass(9000)
    progress.update(0, 0, 'x\u001b[2J\ny')
    assert.doesNotMatch(written().slice(0, -1), /[\u001b\n]/)
    assert.match(written(), /\(100 %\)\n$/)
  })
})
