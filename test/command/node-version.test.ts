import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
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
