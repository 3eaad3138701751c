import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { normalizeProjectName } from '@waxseal/packaging'
import { MAX_CORPUS_NAMES } from '../limits.ts'
import { corpusOf, NO_CORPUS, readCorpus } from './corpus.ts'
import { prohibition } from './prohibited-names.ts'
import { STDLIB_NAMES } from './stdlib-names.ts'

test('NAME-STD: no project is called as a module of the standard library, in whatever spelling', () => {
  for (const spelling of ['json', 'JSON', 'asyncio', 'xml', 'dataclasses', 'distutils', 'lib2to3', 'concurrent']) {
    assert.match(prohibition(normalizeProjectName(spelling), NO_CORPUS) ?? '', /standard library/)
  }
  // `__future__` and `_thread` are looked for under the only names that projects can have.
  assert.match(prohibition('future', NO_CORPUS) ?? '', /standard library/)
  for (const name of ['json5', 'requests', 'billing', 'xml-tools']) {
    assert.equal(prohibition(name, NO_CORPUS), undefined)
  }
})

test('the list holds whatever the Python of this machine has', () => {
  const program = "import sys; print(*sorted(name for name in sys.stdlib_module_names if not name.startswith('_')))"
  let modules: readonly string[]
  try {
    modules = execFileSync('python3', ['-I', '-c', program], { encoding: 'utf8' }).trim().split(' ')
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    return
  }
  assert.ok(modules.length > 150)
  assert.deepEqual(
    modules.filter((name) => !STDLIB_NAMES.has(normalizeProjectName(name))),
    [],
  )
})

test('nor as a file that people name by mistake', () => {
  assert.match(prohibition('requirements-txt', NO_CORPUS) ?? '', /mistake/)
  assert.match(prohibition(normalizeProjectName('pyproject.toml'), NO_CORPUS) ?? '', /mistake/)
})

test('nor as one that the operator lists, and what only looks like it is found by its form', () => {
  const list = readCorpus('# the largest\n\nRequests\r\n  Typing_Extensions\n')
  assert.ok(list.kind === 'names')
  assert.deepEqual(list.names, ['requests', 'typing-extensions'])
  const corpus = corpusOf(list.names)
  assert.match(prohibition('requests', corpus) ?? '', /list/)
  assert.equal(prohibition('requests2', corpus), undefined)
  assert.equal(corpus.looksLike('typ1ngextens10ns'), 'typing-extensions')
})

test('a list that is wrong says in which line', () => {
  assert.deepEqual(readCorpus('requests\nno name!\n'), {
    kind: 'malformed',
    line: 2,
    message: 'is not the name of a project',
  })
  const long = readCorpus(Array.from({ length: MAX_CORPUS_NAMES + 1 }, (_, at) => `n${at}`).join('\n'))
  assert.ok(long.kind === 'malformed')
  assert.equal(long.line, MAX_CORPUS_NAMES + 1)
})
