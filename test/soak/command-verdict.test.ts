import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { verdictOn } from './command-verdict.ts'

const run = (code: number | null, document: unknown, stderr = '') => ({
  code,
  stdout: typeof document === 'string' ? document : `${JSON.stringify(document)}\n`,
  stderr,
})

suite('what an administrator of the soak makes of an answer', () => {
  test('a status that asks for attention is judged by what it asks for', () => {
    const expected = [
      'There is no backup of the uploaded files.',
      'The upstream sim fails and is left alone for a while.',
    ]
    assert.equal(verdictOn(['status'], run(0, { attention: [] })), undefined)
    assert.equal(verdictOn(['status'], run(1, { attention: expected })), undefined)
    assert.match(
      verdictOn(['status'], run(1, { attention: [...expected, 'No server is running on this index.'] })) ?? '',
      /No server is running on this index\.$/,
    )
  })

  test('a status whose exit code says something else than its list is a problem', () => {
    assert.match(verdictOn(['status'], run(1, { attention: [] })) ?? '', /exited with 1/)
    assert.match(verdictOn(['status'], run(0, { attention: ['There is no backup of the uploaded files.'] })) ?? '', /0/)
    assert.match(verdictOn(['status'], run(3, { error: { code: 'no-index' } })) ?? '', /exited with 3/)
    assert.match(verdictOn(['status'], run(1, 'Segmentation fault\n')) ?? '', /no document/)
  })

  test('a collection may find the one of the server at work', () => {
    assert.equal(verdictOn(['gc'], run(1, { error: { code: 'conflict' } })), undefined)
    assert.match(
      verdictOn(['backup', '/b'], run(1, { error: { code: 'conflict' } }, 'why')) ?? '',
      /exited with 1:\nwhy/,
    )
    assert.match(verdictOn(['gc'], run(1, { error: { code: 'storage-full' } })) ?? '', /exited with 1/)
  })

  test('every other command has to end well', () => {
    assert.equal(verdictOn(['token', 'list'], run(0, { tokens: [] })), undefined)
    assert.match(verdictOn(['token', 'list'], run(null, '')) ?? '', /exited with null/)
  })
})
