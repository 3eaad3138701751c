import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateCoreMetadata } from './core-metadata-rules.ts'
import type { MetadataRules } from './core-metadata-rules.ts'
import { parseCoreMetadata } from './core-metadata.ts'

const asPypi: MetadataRules = { privateClassifiers: false, allowLocalVersion: false }
const asPrivate: MetadataRules = { privateClassifiers: true, allowLocalVersion: true }

function problems(lines: string, rules = asPypi, metadataVersion = '2.5'): readonly string[] {
  const head = [
    `Metadata-Version: ${metadataVersion}`,
    ...(/^Name:/m.test(lines) ? [] : ['Name: foo']),
    ...(/^Version:/m.test(lines) ? [] : ['Version: 1.0']),
  ]
  const metadata = parseCoreMetadata(new TextEncoder().encode(`${head.join('\n')}\n${lines}\n`))
  return validateCoreMetadata(metadata, rules).map(({ field, message }) => `${field}: ${message}`)
}

test('metadata of every legal version passes', () => {
  for (const version of ['1.0', '1.1', '1.2', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6'])
    assert.deepEqual(problems('', asPypi, version), [])
  const full = [
    'Summary: s',
    'Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM',
    'Keywords: a,b',
    'Home-page: https://example.org',
    'Author-email: "A, B" <a@example.org>, c@example.org',
    'License-Expression: MIT OR LicenseRef-x',
    'License-File: licenses/MIT.txt',
    'Requires-Python: >=3.8',
    'Requires-Dist: bar[x]>=1; python_version < "3.9"',
    'Provides-Dist: baz',
    'Project-URL: Docs, https://example.org/docs',
    'Provides-Extra: X.y',
    'Dynamic: Requires-Dist',
    'Import-Name: foo.bar ; private',
    'Import-Namespace: ns',
  ]
  assert.deepEqual(problems(full.join('\n')), [])
})

test('each broken rule has its sentence', () => {
  const table: readonly (readonly [string, string])[] = [
    ['Name: -foo', "name: '-foo' is invalid for 'name'"],
    ['Version: french', "version: 'french' is invalid for 'version'"],
    [`Summary: ${'s'.repeat(513)}`, "summary: 'summary' field must be 512 characters or less."],
    ['Summary: a\n b', "summary: 'summary' must be a single line"],
    ['Author-email: a@', "author-email: 'a@' is not a valid email address"],
    ['Maintainer-email: A <a b@c>', "maintainer-email: 'A <a b@c>' is not a valid email address"],
    ['Home-page: javascript:alert(1)', "home-page: 'javascript:alert(1)' is not a valid url."],
    ['Download-URL: x', "download-url: 'x' is not a valid url."],
    ['Project-URL: https://example.org', 'project-url: Must have a URL'],
    ['Project-URL: , https://example.org', 'project-url: Must have a label'],
    [
      `Project-URL: ${'l'.repeat(33)}, https://example.org`,
      `project-url: '${'l'.repeat(33)}' must be 32 characters or less.`,
    ],
    ['Project-URL: a, ftp://x', "project-url: 'ftp://x' is not a valid url"],
    ['Project-URL: a, https://x\nProject-URL: a, https://y', "project-url: 'project_urls' has invalid data"],
    ['Requires-Dist: bar baz', "requires-dist: 'bar baz' is invalid for 'requires-dist'"],
    ['Requires-Dist: bar @ https://x/y', "requires-dist: Can't have direct dependency: 'bar @ https://x/y'"],
    ['Obsoletes-Dist: bar @ https://x/y', "obsoletes-dist: Can't have direct dependency: 'bar @ https://x/y'"],
    ['Provides-Dist: !', "provides-dist: '!' is invalid for 'provides-dist'"],
    ['Requires-Python: 3', "requires-python: '3' is invalid for 'requires-python'"],
    ['Requires-Python: ,', "requires-python: ',' is invalid for 'requires-python'"],
    ['Provides-Extra: a b', "provides-extra: 'a b' is invalid for 'provides-extra'"],
    [
      'Description-Content-Type: text/html',
      "description-content-type: 'description-content-type' must be one of text/plain, text/x-rst, text/markdown, not 'text/html'",
    ],
    [
      'Description-Content-Type: text/markdown; variant=x',
      "description-content-type: 'description-content-type' can only specify the Markdown variants GFM, CommonMark, not 'text/markdown; variant=x'",
    ],
    ['License-Expression: Nope', "license-expression: 'Nope' is invalid for 'license-expression'"],
    [
      'License-Expression: MIT\nLicense: MIT',
      'license: License is deprecated when License-Expression is present. Only License-Expression should be present.',
    ],
    [
      'License-File: ../x',
      "license-file: '../x' is invalid for 'license-file', parent directory indicators are not allowed",
    ],
    ['License-File: /x', "license-file: '/x' is invalid for 'license-file', paths must be relative"],
    ['License-File: a\\b', "license-file: 'a\\b' is invalid for 'license-file', paths must use '/' delimiter"],
    ['License-File: *.txt', "license-file: '*.txt' is invalid for 'license-file', paths must be resolved"],
    ['License-File: C:x', "license-file: 'C:x' is invalid for 'license-file', paths must be relative"],
    ['Import-Name: a.class', "import-name: 'a.class' is invalid for 'import-name', a part of it is a keyword"],
    ['Import-Name: 1a', "import-name: '1a' is invalid for 'import-name', it is not a dotted name of identifiers"],
    [
      'Import-Namespace: a; public',
      "import-namespace: 'a; public' is invalid for 'import-namespace', the only valid option is 'private'",
    ],
    ['Dynamic: Name', "dynamic: 'Name' is not allowed as a dynamic field"],
    ['Dynamic: colour', "dynamic: 'colour' is not a valid dynamic field"],
  ]
  for (const [lines, problem] of table) assert.deepEqual(problems(lines), [problem])
})

test('2.0 was never released, and a field needs its version', () => {
  assert.deepEqual(problems('', asPypi, '2.0'), ["metadata-version: '2.0' is not a valid metadata version"])
  assert.deepEqual(problems('License-Expression: MIT', asPypi, '2.3'), [
    'license-expression: license-expression introduced in metadata version 2.4, not 2.3',
  ])
})

test('License-File is accepted before 2.4, where build tools wrote it already', () => {
  assert.deepEqual(problems('License-File: LICENSE', asPypi, '2.1'), [])
})

test('metadata version, name and version are reported first, then by field', () => {
  const metadata = parseCoreMetadata(
    new TextEncoder().encode('Summary: a\n b\nClassifier: Private :: x\nAuthor-email: a@\n'),
  )
  assert.deepEqual(
    validateCoreMetadata(metadata, asPypi).map(({ field }) => field),
    ['metadata-version', 'name', 'version', 'author-email', 'classifier', 'summary'],
  )
})

test('a private index is friendlier: private classifiers, local versions, in-house addresses', () => {
  const lines = 'Version: 1.0+corp.1\nClassifier: Private :: Do Not Upload\nAuthor-email: dev@build'
  assert.deepEqual(problems(lines, asPrivate), [])
  assert.deepEqual(problems(lines), [
    "version: The use of local versions in '1.0+corp.1' is not allowed.",
    "classifier: 'Private :: Do Not Upload' is not a valid classifier.",
  ])
})

test('other classifiers are judged only by a given list', () => {
  const knownClassifiers = new Set(['Topic :: A'])
  assert.deepEqual(problems('Classifier: Topic :: B'), [])
  assert.deepEqual(
    problems('Classifier: Topic :: B\nClassifier: Topic :: A\nClassifier: Private :: C', {
      ...asPrivate,
      knownClassifiers,
    }),
    ["classifier: 'Topic :: B' is not a valid classifier."],
  )
})

test('no sentence grows with the input or carries its control characters', () => {
  for (const problem of problems(`Requires-Dist: ${'x '.repeat(10_000)}\nClassifier: Private :: \u202E`))
    assert.match(problem, /^[ -~…]{1,200}$/)
})
