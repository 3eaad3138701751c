import fc from 'fast-check'
import { formatVersion, parseVersion, tryParseVersion } from '../src/version.ts'

// What the formats are asked about: mostly right, often nearly right, from few pieces, so that edges and ties are common.

const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((texts) => texts.join(''))
const maybe = (part: fc.Arbitrary<string>) => fc.oneof(fc.constant(''), part)
const anyOf = (...texts: string[]) => fc.constantFrom(...texts)
/** A text of pieces, so that near misses of the grammar are common. */
const jumble = (pieces: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...pieces), { maxLength }).map((parts) => parts.join(''))

const digits = fc.oneof(fc.nat({ max: 3 }).map(String), anyOf('00', '07', '12', '2026', '9007199254740993'))
const separator = anyOf('', '', '.', '-', '_')
const suffix = (...words: string[]) => maybe(join(separator, anyOf(...words), separator, maybe(digits)))
const release = fc.array(digits, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
const publicVersion = join(
  maybe(join(digits, anyOf('!'))),
  release,
  suffix('a', 'b', 'c', 'rc', 'alpha', 'BETA', 'pre', 'Preview'),
  fc.oneof(suffix('post', 'rev', 'R'), maybe(digits.map((n) => `-${n}`))),
  suffix('dev', 'DEV'),
)
const local = maybe(jumble(['a', '1', '01', 'Z9', '.', '-', '_'], 5).map((text) => `+${text}`))
const loose = join(anyOf('', '', 'v', 'V', ' ', '\t'), publicVersion, local, anyOf('', '', ' ', '\n'))
export const versionText = fc.oneof(
  loose,
  loose.filter((text) => tryParseVersion(text) !== undefined),
  jumble(['1', '0', '.', '-', '_', '!', '+', 'a', 'rc', 'post', 'dev', 'v', ' ', 'x', '*'], 8),
)
export const validVersion = loose
  .filter((text) => tryParseVersion(text) !== undefined)
  .map((text) => formatVersion(parseVersion(text)))

// Few numbers, so that a version often lies at the edge of a specifier.
const smallNumber = fc.nat({ max: 2 }).map(String)
const smallVersion = join(
  maybe(anyOf('1!')),
  fc.array(smallNumber, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.')),
  maybe(join(anyOf('a', 'rc'), smallNumber)),
  maybe(join(anyOf('.post'), smallNumber)),
  maybe(join(anyOf('.dev'), smallNumber)),
)
const clause = fc.oneof(
  join(anyOf('==', '!=', '<=', '>=', '<', '>', '~=', '==='), anyOf('', ' '), smallVersion),
  join(anyOf('==', '!='), smallVersion, anyOf('.*', '+a', '+a.1')),
  jumble(['==', '=', '~=', '<', '>', '!', '1', '.0', '.*', ' ', 'a1', '+x'], 5),
)
export const specifierSet = fc.array(clause, { maxLength: 3 }).map((clauses) => clauses.join(','))
export const candidate = join(smallVersion, maybe(anyOf('+a', '+a.1', '+1')))

export const nameText = fc.oneof(
  jumble(['a', 'Z', '0', '-', '_', '.', '--', 'foo'], 6),
  jumble(['a', ' ', '\n', 'é', '\u212A', '\u017F', '\0', '/', 'B'], 4),
)
const tagSet = jumble(['py3', 'cp311', 'none', 'any', 'ABI3', 'linux_x86_64', '.', '.', '_'], 3)
const plainTags = fc
  .array(anyOf('py2', 'py3', 'cp311', 'none', 'any', 'Win32'), { minLength: 1, maxLength: 3 })
  .map((tags) => tags.join('.'))
export const wheelText = fc.oneof(
  join(
    anyOf('foo', 'Foo.Bar', 'a_b', 'x9'),
    anyOf('-'),
    validVersion,
    anyOf('', '', '-1', '-2b', '-07.x'),
    anyOf('-'),
    plainTags,
    anyOf('-'),
    plainTags,
    anyOf('-'),
    plainTags,
    anyOf('.whl'),
  ),
  join(
    nameText,
    anyOf('-'),
    versionText,
    anyOf('', '-1', '-x'),
    anyOf('-'),
    tagSet,
    anyOf('-'),
    tagSet,
    anyOf('-'),
    tagSet,
    anyOf('.whl', '.zip', ''),
  ),
)
export const sdistText = join(
  fc.oneof(anyOf('foo', 'foo_bar', 'Foo', 'foo.bar', 'foo-bar'), nameText),
  anyOf('-', '-', ''),
  fc.oneof(validVersion, versionText),
  anyOf('.tar.gz', '.tar.gz', '.zip', '.tar.bz2'),
)
export const messageText = jumble(
  [
    'Name',
    'Version',
    ': ',
    ':',
    'x',
    ' ',
    '\t',
    '\n',
    '\n',
    '\r\n',
    '\r',
    'From ',
    'A: b\n',
    'c: d\n',
    ' folded\n',
    'é',
    '\u{FEFF}',
    '\0',
    '\n\n',
    '=?utf-8?q?x?=',
  ],
  14,
)
export const requirementText = fc.oneof(
  join(
    anyOf('foo', 'Foo.Bar '),
    maybe(anyOf('[a]', '[B_c, a]', '[ ]')),
    maybe(specifierSet),
    maybe(anyOf(' ; extra == "a"', ';(os.name=="x" or extra in \'y\') and "1" < python_version', '; extra == "a" and')),
  ),
  jumble(
    [
      'foo',
      '[',
      'a',
      ']',
      '(',
      ')',
      '>=1',
      ',',
      ' @ ',
      'https://x/y',
      ' ;',
      ';',
      'extra',
      '==',
      '"a"',
      ' and ',
      ' or ',
      ' not in ',
      ' ',
    ],
    9,
  ),
)
export const licenseText = jumble(
  [
    'MIT',
    'mit',
    'apache-2.0',
    'GPL-2.0+',
    'LicenseRef-X.y',
    'Classpath-exception-2.0',
    ' AND ',
    ' or ',
    ' WITH ',
    '(',
    ')',
    ' ',
    'Nope',
  ],
  7,
)
const lineEnd = anyOf('\n', '\n', '\n', '\n', '\n', '\n', '\r\n', '\r', '\x0c', '\x1e', '\x85', '\u2028')
const indent = anyOf('', '', '', '', ' ', '  ', '\t', '\xa0', '\x1f', '\ufeff')
const entryLine = fc.oneof(
  anyOf('[console_scripts]', '[console_scripts]', '[x]', '[[console_scripts]', '[x]]', '[x] = y]', '[ x ]', '[a = b]'),
  anyOf('[DEFAULT]', '[]', '# c', '# c = d', '; c', '; c = d', '', 'no value', 'a: b'),
  join(
    anyOf('a', 'b', 'c', 'python', 'a b', '=', '[x]'),
    anyOf('=', ' = ', '=\xa0'),
    anyOf('m:f', 'm:f [x]', '= b', ''),
  ),
)
export const entryPointsText = fc
  .tuple(anyOf('[x]\n', '[console_scripts]\n', ''), fc.array(join(indent, entryLine, lineEnd), { maxLength: 5 }))
  .map(([header, lines]) => header + lines.join(''))
