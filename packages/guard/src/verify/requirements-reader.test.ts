import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GuardError } from '../error.ts'
import { readRequirements } from './requirements-reader.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

const read = (text: string, constraint = false) =>
  readRequirements(Buffer.from(text), 'requirements.txt', { env: { HOST: 'in.example' }, constraint })
const only = (text: string) => {
  const { entries } = read(text)
  assert.equal(entries.length, 1, JSON.stringify(entries))
  const [entry] = entries
  assert.ok(entry !== undefined)
  return entry
}

test('a pinned requirement with hashes is one entry, on the line where it begins', () => {
  const { entries } = read(
    `# by pip-compile\nDemo.Pkg[x]==1.0.0 ; python_version > "3" \\\n    --hash=sha256:${A} \\\n    --hash sha256:${B}\n    # via app\nother==2 --hash="sha256:${A}"\n`,
  )
  assert.deepEqual(entries, [
    {
      kind: 'files',
      line: 2,
      project: 'demo-pkg',
      version: '1.0.0',
      filename: undefined,
      sha256: [A, B],
      from: undefined,
    },
    { kind: 'files', line: 6, project: 'other', version: '2', filename: undefined, sha256: [A], from: undefined },
  ])
})

test('what is not pinned, or has no hash, is not locked', () => {
  const hash = `--hash=sha256:${A}`
  for (const text of [
    'demo',
    `demo>=1 ${hash}`,
    `demo==1.* ${hash}`,
    `demo==1,!=2 ${hash}`,
    `demo===1 ${hash}`,
    'demo==1',
  ]) {
    const entry = only(text)
    assert.equal(entry.kind === 'gap' && entry.code, 'not-locked', text)
    assert.equal(entry.project, 'demo')
  }
  const unread = only('demo == one two')
  assert.equal(unread.kind === 'gap' && unread.code, 'not-locked')
})

test('other hashes than sha256 bind nothing that an index of sha256 can answer for', () => {
  const entry = only(`demo==1 --hash=sha512:${A}${A} --hash=md5:${'a'.repeat(32)}`)
  assert.equal(entry.kind === 'gap' && entry.code, 'unhashed')
})

test('a sha256 that is none makes the file unreadable, and its line is named', () => {
  for (const digest of [A.slice(1), A.toUpperCase(), `${A}0`, '']) {
    assert.throws(
      () => read(`\ndemo==1 --hash=sha256:${digest}`),
      (error) => error instanceof GuardError && error.code === 'lock-unreadable' && /line 2/.test(error.message),
    )
  }
})

test('a URL names its file; the hash stands in it or behind it', () => {
  const place = 'https://other.example/x/demo-1.0-py3-none-any.whl'
  for (const text of [
    `${place}#sha256=${A}`,
    `demo @ ${place}#egg=demo&sha256=${A}`,
    `demo @ ${place} --hash=sha256:${A}`,
    `${place} --hash=sha256:${A}`,
  ]) {
    const entry = only(text)
    assert.equal(entry.kind, 'files', text)
    assert.equal(entry.project, 'demo')
    assert.equal(entry.filename, 'demo-1.0-py3-none-any.whl')
    assert.deepEqual(entry.kind === 'files' && entry.sha256, [A])
    assert.match(String(entry.kind === 'files' && entry.from), /^https:\/\/other\.example\//)
  }
  const bare = only(place)
  assert.equal(bare.kind === 'gap' && bare.code, 'unhashed')
  const page = only('demo @ https://other.example/download')
  assert.equal(page.kind === 'gap' && page.code, 'other-source')
})

test('repositories are another source; folders are local; an archive beside the file is a file', () => {
  const codeOf = (text: string) => {
    const entry = only(text)
    return entry.kind === 'gap' ? entry.code : entry.kind
  }
  assert.equal(codeOf('git+https://git.example/demo@main#egg=demo'), 'other-source')
  assert.equal(codeOf('demo @ git+https://git.example/demo'), 'other-source')
  assert.equal(codeOf('-e git+https://git.example/demo#egg=demo'), 'other-source')
  assert.equal(codeOf('-e .'), 'local')
  assert.equal(codeOf('./packages/demo'), 'local')
  assert.equal(codeOf(`./vendor/demo-1.0-py3-none-any.whl --hash=sha256:${A}`), 'files')
  assert.equal(codeOf('demo-1.0-py3-none-any.whl'), 'unhashed')
})

test('includes and sources are told with their lines, however they are written', () => {
  const { entries, includes, sources } = read(
    '-r base.txt\n--requirement=more.txt\n-cpins.txt\n-i https://${HOST}/simple\n--extra-index https://two.example\n-f links --trusted-host two.example\n--require-hashes --no-index\n',
  )
  assert.deepEqual(entries, [])
  assert.deepEqual(includes, [
    { line: 1, path: 'base.txt', constraint: false },
    { line: 2, path: 'more.txt', constraint: false },
    { line: 3, path: 'pins.txt', constraint: true },
  ])
  assert.deepEqual(sources, [
    { line: 4, by: '--index-url', url: 'https://in.example/simple' },
    { line: 5, by: '--extra-index-url', url: 'https://two.example' },
    { line: 6, by: '--find-links', url: 'links' },
  ])
})

test('a constraint without a hash asks for nothing', () => {
  const { entries } = read(`demo==1\nother==2 --hash=sha256:${A}\n`, true)
  assert.deepEqual(
    entries.map(({ project }) => project),
    ['other'],
  )
})

test('a file that is too large, or in no encoding that is read here, is refused before it is read', () => {
  const refused = (bytes: Buffer, code: string) =>
    assert.throws(
      () => readRequirements(bytes, 'requirements.txt', { env: {} }),
      (error) => error instanceof GuardError && error.code === code,
    )
  refused(Buffer.alloc(32 * 1024 * 1024 + 1, 0x0a), 'lock-unreadable')
  refused(Buffer.from('a==1\n'.repeat(200_001)), 'lock-unreadable')
  refused(Buffer.from([0x61, 0xff]), 'requirement-refused')
})
