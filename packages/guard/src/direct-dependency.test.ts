import assert from 'node:assert/strict'
import { test } from 'node:test'
import { directDependency } from './direct-dependency.ts'

const metadata = (...lines: readonly string[]): Buffer =>
  Buffer.from(
    ['Metadata-Version: 2.1', 'Name: demo', 'Version: 1.0', ...lines, '', 'svn+https://in.the/description', ''].join(
      '\n',
    ),
  )
const found = (...lines: readonly string[]): string | undefined => directDependency(metadata(...lines))

void test('EXD-6: a dependency that names an address is found, whatever it is fetched by', () => {
  for (const text of [
    'evil @ https://evil.example/evil-1.0.zip',
    'evil@git+https://evil.example/evil',
    'evil[x] @ git+ssh://git@evil.example/evil',
    'evil @ svn+https://evil.example/evil',
    'evil @ hg+http://evil.example/evil ; python_version > "3"',
    'evil @ bzr+lp:evil',
    'evil @ svn+https://evil.example/evil ; extra == "x"',
  ]) {
    assert.equal(found('Requires-Dist: six', `Requires-Dist: ${text}`), text)
  }
})

void test('what belongs to an extra, and asks the port of the guard, is refused there and not here', () => {
  assert.equal(found('Requires-Dist: evil @ https://evil.example/evil.zip ; extra == "x"'), undefined)
  // A semicolon without a space is the address's own.
  const hidden = 'evil @ https://evil.example/evil.zip;extra'
  assert.equal(found(`Requires-Dist: ${hidden}`), hidden)
})

void test('names, local folders and the description are none', () => {
  assert.equal(found('Requires-Dist: six (>=1.0)', "Requires-Dist: six>=1; extra == 'x'"), undefined)
  assert.equal(found(), undefined)
})

void test('metadata that only an installer would read hides none', () => {
  const broken = metadata('Name: twice', 'REQUIRES-DIST : evil @\n svn+https://evil.example/evil')
  assert.equal(directDependency(broken), 'evil @ svn+https://evil.example/evil')
  assert.equal(directDependency(Buffer.from([0xff, 0xfe])), undefined)
})
