import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const DEADLINE = new URL('../scripts/test-file-deadline.ts', import.meta.url).href
const FILE_MS = 4000

/** Runs one file as `scripts/test.ts` does, with limits of seconds. */
async function runFile(path: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env
  const child = spawn(process.execPath, ['--test', '--test-timeout=1000', `--import=${DEADLINE}`, path], {
    env: { ...env, TEST_FILE_DEADLINE_MS: String(FILE_MS) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

/** As long as this child lives, the runner waits for the output of the file that started it. */
const START = `
import { spawn } from 'node:child_process'
import { test } from 'node:test'
spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
`

for (const [what, body, told] of [
  ['a test that never ends is named', `test('waits for ever', () => new Promise(() => {}))`, /waits for ever/],
  ['what tests left behind is named', `test('is fine', () => {})`, /Alive: .*ProcessWrap/],
] as const) {
  void test(`a test file that hangs fails, and ends with what it started: ${what}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-hanging-'))
    try {
      const path = join(folder, 'hanging.test.mjs')
      await writeFile(path, START + body)
      const { code, said } = await runFile(path)
      assert.equal(code, 1, said)
      assert.match(said, told)
      assert.match(said, /hanging\.test\.mjs did not end within/)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}
