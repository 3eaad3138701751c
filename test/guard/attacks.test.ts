import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { wantedClients } from '../support/clients.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const NIGHTLY = process.env['WAXSEAL_NIGHTLY'] !== undefined
/** One of a kind; all of them at night, when docs/attacks.md has to say what was played. */
const BY_DAY = ['ARB-1', 'KC-3-seal', 'KC-3-internal', 'EXD-1-lock', 'DC-14', 'NAME-TYPO-prefix', 'TOK-1']
const missing = [...wantedClients('pip'), ...wantedClients('twine')].filter(({ client }) => client === undefined)

void test(`${NIGHTLY ? 'the catalogue of attacks' : BY_DAY.join(', ')}: what the guard holds, it holds by the defence that it names`, async (t) => {
  if (missing.length > 0) {
    const advice = `${missing.map(({ label }) => label).join(', ')} missing: see .ci/run`
    if (process.env['CI']) throw new Error(advice)
    return t.skip(advice)
  }
  const args = NIGHTLY ? ['--check'] : BY_DAY
  const child = spawn(process.execPath, ['attacks/run.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, output)
})
