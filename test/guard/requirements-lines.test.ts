import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { clientTest, wantedClients } from '../support/clients.ts'
import { requirementsLines } from '../../packages/guard/src/children/requirements-text.ts'
import { shellWords } from '../../packages/guard/src/children/shell-words.ts'

const RUNS = 4_000
const ENV = { PLACE: 'a # b', EMPTY: '', NESTED: '${PLACE}' }

/** Everything that pip's reading turns on, often enough to meet. */
const PARTS = [
  'a',
  '-r',
  '--x=1',
  ' ',
  '  ',
  '#',
  ' #',
  '\\',
  '\\\n',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '\f',
  '\v',
  '"',
  "'",
  '$',
  '${PLACE}',
  '${EMPTY}',
  '${NESTED}',
  '${none}',
  '${UNSET}',
  '\u001c',
  '\u001d',
  '\u001e',
  '\u001f',
  '\u0085',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\u3000',
  '\ufeff',
  '\u180e',
  '\u200b',
]
const text = fc.array(fc.constantFrom(...PARTS), { maxLength: 14 }).map((parts) => parts.join(''))

const ORACLE = `
import json, shlex, sys
from pip._internal.req.req_file import preprocess
def words(line):
    try:
        return shlex.split(line)
    except ValueError:
        return None
json.dump([[[number, line, words(line)] for number, line in preprocess(text)] for text in json.load(sys.stdin)], sys.stdout)
`

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'reads the same lines and words in a requirements file', async (pip) => {
    const texts = fc.sample(text, RUNS)
    const oracle = spawnSync(pip.python, ['-c', ORACLE], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...ENV },
      maxBuffer: 1 << 28,
    })
    assert.equal(oracle.status, 0, oracle.stderr)
    const expected: unknown = JSON.parse(oracle.stdout)
    assert.ok(Array.isArray(expected) && expected.length === RUNS)
    for (const [at, source] of texts.entries()) {
      const lines = requirementsLines(source, ENV).map((line) => [
        line.number,
        line.text,
        shellWords(line.text) ?? null,
      ])
      assert.deepEqual(lines, expected[at], JSON.stringify(source))
    }
  })
}
