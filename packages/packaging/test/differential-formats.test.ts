import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parseEmailHeaders } from '../src/email-headers.ts'
import { PackagingError } from '../src/error.ts'
import { isValidProjectName, normalizeProjectName } from '../src/project-name.ts'
import { parseRequirement } from '../src/requirement.ts'
import { formatSdistFilename, parseSdistFilename } from '../src/sdist-filename.ts'
import { normalizeLicenseExpression } from '../src/spdx.ts'
import { parseSpecifierSet, satisfies } from '../src/specifier.ts'
import { compareVersions, formatVersion, parseVersion, tryParseVersion } from '../src/version.ts'
import { parseWheelFilename } from '../src/wheel-filename.ts'

// One seed for a run, so that a difference can be seen again.
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? '20260822')
const ORACLE = fileURLToPath(new URL('formats-oracle.py', import.meta.url))
const PYTHONS = ['python3', '/usr/bin/python3']

const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(arbitrary, { numRuns, seed: SEED })
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
const versionText = fc.oneof(
  loose,
  loose.filter((text) => tryParseVersion(text) !== undefined),
  jumble(['1', '0', '.', '-', '_', '!', '+', 'a', 'rc', 'post', 'dev', 'v', ' ', 'x', '*'], 8),
)
const validVersion = loose
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
const specifierSet = fc.array(clause, { maxLength: 3 }).map((clauses) => clauses.join(','))
const candidate = join(smallVersion, maybe(anyOf('+a', '+a.1', '+1')))

const nameText = fc.oneof(
  jumble(['a', 'Z', '0', '-', '_', '.', '--', 'foo'], 6),
  jumble(['a', ' ', '\n', 'é', '\u212A', '\u017F', '\0', '/', 'B'], 4),
)
const tagSet = jumble(['py3', 'cp311', 'none', 'any', 'ABI3', 'linux_x86_64', '.', '.', '_'], 3)
const plainTags = fc
  .array(anyOf('py2', 'py3', 'cp311', 'none', 'any', 'Win32'), { minLength: 1, maxLength: 3 })
  .map((tags) => tags.join('.'))
const wheelText = fc.oneof(
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
const sdistText = join(
  fc.oneof(anyOf('foo', 'foo_bar', 'Foo', 'foo.bar', 'foo-bar'), nameText),
  anyOf('-', '-', ''),
  fc.oneof(validVersion, versionText),
  anyOf('.tar.gz', '.tar.gz', '.zip', '.tar.bz2'),
)
const messageText = jumble(
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
const requirementText = fc.oneof(
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
const licenseText = jumble(
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

const questions = {
  contains: sample(fc.tuple(candidate, specifierSet), 5000),
  licenses: sample(licenseText, 3000),
  messages: sample(messageText, 5000),
  names: sample(nameText, 2000),
  orders: sample(fc.oneof(fc.tuple(validVersion, validVersion), fc.tuple(candidate, candidate)), 5000),
  requirements: sample(requirementText, 3000),
  sdists: sample(sdistText, 3000),
  versions: sample(versionText, 5000),
  wheels: sample(wheelText, 3000),
}

interface Answers {
  readonly contains: readonly (readonly [boolean, boolean] | null)[]
  readonly licenses: readonly (string | null)[]
  readonly messages: readonly (readonly [readonly (readonly [string, string])[], string, number])[]
  readonly names: readonly (string | null)[]
  readonly orders: readonly (number | null)[]
  readonly requirements: readonly (
    | readonly [string, readonly string[], readonly string[], string | null, boolean]
    | null
  )[]
  readonly sdists: readonly (readonly [string, string] | null)[]
  readonly versions: readonly (string | null)[]
  readonly wheels: readonly (readonly [string, string, string, readonly string[]] | null)[]
}
interface Oracle {
  readonly version: string
  readonly python: string
  readonly answers: Answers
}

function askPython(): Oracle | undefined {
  for (const python of PYTHONS) {
    const run = spawnSync(python, ['-I', ORACLE], {
      input: JSON.stringify(questions),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    if (run.error !== undefined || run.status === 3) continue
    assert.equal(run.status, 0, run.stderr)
    return JSON.parse(run.stdout) as Oracle
  }
  return undefined
}

/** What a parser returns, or `null` where it refuses. */
function orNull<T>(parse: () => T): T | null {
  try {
    return parse()
  } catch (error) {
    if (error instanceof PackagingError) return null
    throw error
  }
}

function each<Question, Answer>(
  asked: readonly Question[],
  answers: readonly Answer[],
  check: (question: Question, answer: Answer) => void,
): void {
  assert.equal(asked.length, answers.length)
  for (const [i, question] of asked.entries()) check(question, answers[i] as Answer)
}

/** Fails when nearly everything was refused on both sides, which would prove nothing. */
function assertMixed(answers: readonly unknown[]): void {
  const accepted = answers.filter((answer) => answer !== null).length
  assert.ok(accepted > answers.length / 20 && accepted < answers.length, `${accepted} of ${answers.length} accepted`)
}

/** `===` without a version, which matches nothing: Python accepts it, we refuse it. */
const hasEmptyIdentity = (text: string) => /(?<!=)===[ \t]*(?:[,;)]|$)/.test(text)
const tooManyDigits = (text: string) => /[0-9]{17}/.test(text)
const oracle = askPython()

if (oracle === undefined) {
  test(
    'the formats agree with Python packaging',
    { skip: process.env['CI'] === undefined && 'no Python with packaging 26' },
    () => {
      assert.fail('CI needs a Python with packaging 26 or newer')
    },
  )
} else {
  const { answers } = oracle
  const against = `packaging ${oracle.version}, seed ${SEED}`

  test(`names agree with ${against}`, () => {
    assertMixed(answers.names)
    each(questions.names, answers.names, (name, expected) => {
      assert.equal(isValidProjectName(name) ? normalizeProjectName(name) : null, expected, JSON.stringify(name))
    })
  })

  test(`versions agree with ${against}`, () => {
    assertMixed(answers.versions)
    each(questions.versions, answers.versions, (text, expected) => {
      const version = tryParseVersion(text)
      if (tooManyDigits(text)) assert.equal(version, undefined)
      else assert.equal(version === undefined ? null : formatVersion(version), expected, JSON.stringify(text))
    })
  })

  test(`the order of versions agrees with ${against}`, () => {
    each(questions.orders, answers.orders, ([a, b], expected) => {
      assert.equal(compareVersions(parseVersion(a), parseVersion(b)), expected, `${a} against ${b}`)
    })
  })

  test(`specifiers agree with ${against}`, () => {
    assertMixed(answers.contains)
    each(questions.contains, answers.contains, ([version, text], expected) => {
      const answer = orNull(() => {
        const set = parseSpecifierSet(text)
        return [satisfies(parseVersion(version), set), satisfies(parseVersion(version), set, { prereleases: false })]
      })
      if (hasEmptyIdentity(text)) assert.equal(answer, null, text)
      else assert.deepEqual(answer, expected, `${version} in ${JSON.stringify(text)}`)
    })
  })

  test(`wheel names agree with ${against}`, () => {
    assertMixed(answers.wheels)
    each(questions.wheels, answers.wheels, (filename, expected) => {
      const wheel = orNull(() => parseWheelFilename(filename))
      if (wheel === null) {
        // Stricter on purpose: names that are no project names, empty or odd tags, white space, long integers.
        const [name = '', ...rest] = filename.replace(/\.whl$/, '').split('-')
        const plain =
          isValidProjectName(name) && rest.slice(-3).every((tags) => /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/.test(tags))
        if (plain && !/\s/.test(filename) && !tooManyDigits(filename)) assert.equal(expected, null, filename)
        return
      }
      const build = wheel.build === undefined ? '' : `${wheel.build.number}${wheel.build.suffix}`
      const tags = wheel.pythonTags.flatMap((python) =>
        wheel.abiTags.flatMap((abi) => wheel.platformTags.map((platform) => `${python}-${abi}-${platform}`)),
      )
      assert.deepEqual([wheel.name, formatVersion(wheel.version), build, [...new Set(tags)].sort()], expected, filename)
    })
  })

  test(`sdist names agree with ${against}`, () => {
    assertMixed(answers.sdists)
    each(questions.sdists, answers.sdists, (filename, expected) => {
      const sdist = orNull(() => parseSdistFilename(filename))
      if (sdist !== null) {
        assert.deepEqual([sdist.name, formatVersion(sdist.version)], expected, filename)
      } else if (expected !== null && isValidProjectName(expected[0]) && !tooManyDigits(expected[1])) {
        // Python accepts legacy spellings as well; the one spelling of PEP 625 is never refused.
        assert.notEqual(filename, formatSdistFilename(expected[0], parseVersion(expected[1])))
      }
    })
  })

  test(`MD-INJ: headers and body agree with the email parser of Python ${oracle.python}`, () => {
    each(questions.messages, answers.messages, (text, [headers, body, defects]) => {
      const message = parseEmailHeaders(new TextEncoder().encode(text))
      assert.deepEqual(
        message.headers.map(({ name, value }) => [name, value]),
        headers,
        JSON.stringify(text),
      )
      assert.equal(message.body, body, JSON.stringify(text))
      assert.equal(message.defects.length, defects, JSON.stringify(text))
    })
  })

  test(`requirements agree with ${against}, where it is not looser`, () => {
    assertMixed(answers.requirements)
    each(questions.requirements, answers.requirements, (text, expected) => {
      const read = orNull(() => parseRequirement(text))
      if (read === null) return assert.ok(expected === null || hasEmptyIdentity(text), JSON.stringify(text))
      const specifiers = new Set(read.specifier.map(({ operator, text }) => `${operator.replace('*', '')}${text}`))
      assert.deepEqual(
        [read.name, read.extras, [...specifiers].sort(), read.url ?? null, read.marker !== undefined],
        expected,
        JSON.stringify(text),
      )
    })
  })

  test(`license expressions that are accepted agree with ${against}`, () => {
    assertMixed(answers.licenses)
    each(questions.licenses, answers.licenses, (text, expected) => {
      const normal = orNull(() => normalizeLicenseExpression(text))
      if (normal !== null) assert.equal(normal, expected, JSON.stringify(text))
    })
  })
}
