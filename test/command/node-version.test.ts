import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')
/** The system's own, as a checkout without the pinned Node would run. */
const SYSTEM_NODE = '/usr/bin/node'

test('an older Node is told to be one, and which is needed', (t) => {
  const version = spawnSync(SYSTEM_NODE, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
  if (!/^v(?:1[89]|2[0-3])\./.test(version)) return t.skip(`${SYSTEM_NODE} is not there, or not old: ${version}`)
  const { status, stderr, stdout } = spawnSync(SYSTEM_NODE, [MAIN, '--version'], { encoding: 'utf8' })
  assert.deepEqual([status, stdout], [3, ''])
  assert.ok(stderr.startsWith(`waxseal: Waxseal needs Node 24.15 or newer; this is ${version}.`), stderr)
  assert.ok(stderr.split('\n').length === 2, stderr)
})

/** How a launcher starts beside a pinned Node that is `pinned`, with a `node` on the PATH that is `system`. */
function launched(
  pinned: string | undefined,
  system: string,
): { readonly status: number | null; readonly output: string } {
  const root = mkdtempSync(join(tmpdir(), 'waxseal-launcher-'))
  try {
    for (const folder of ['packages/waxseal/bin', 'node_modules/.bin', 'path'])
      mkdirSync(join(root, folder), { recursive: true })
    const launcher = join(root, 'packages/waxseal/bin/waxseal')
    copyFileSync(resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal'), launcher)
    writeFileSync(join(root, 'packages/waxseal/bin/waxseal.js'), 'console.log("started", ...process.argv.slice(2))')
    const put = (path: string, node: string): void => {
      if (node === process.execPath) return symlinkSync(node, path)
      writeFileSync(path, node)
      chmodSync(path, 0o755)
    }
    if (pinned !== undefined) put(join(root, 'node_modules/.bin/node'), pinned)
    put(join(root, 'path/node'), system)
    const env = { PATH: `${join(root, 'path')}:/usr/bin:/bin` }
    const { status, stdout, stderr } = spawnSync('/bin/sh', [launcher, 'status', 'a b'], { encoding: 'utf8', env })
    return { status, output: `${stdout}${stderr}` }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const OLD = '#!/bin/sh\necho v24.14.1\n'
/** As a Node for another C library ends. */
const FOREIGN = '#!/nowhere/ld-linux.so\n'

for (const [what, pinned, system] of [
  ['the pinned Node', process.execPath, OLD],
  ["the system's where none is pinned", undefined, process.execPath],
  ["the system's where the pinned one cannot run here", FOREIGN, process.execPath],
  ["the system's where the pinned one is too old", OLD, process.execPath],
] as const) {
  test(`the launcher starts ${what}`, () => {
    assert.deepEqual(launched(pinned, system), { status: 0, output: 'started status a b\n' })
  })
}

test('the launcher says what to do where no Node is new enough', () => {
  const { status, output } = launched(FOREIGN, OLD)
  assert.equal(status, 3)
  assert.match(output, /^waxseal: Node\.js 24\.15 or newer is needed, and none was found\. Run: npm ci$/m)
})
