import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parseEmailHeaders } from '../src/email-headers.ts'
import { parseEntryPoints } from '../src/entry-points.ts'
import { PackagingError } from '../src/error.ts'
import { isValidProjectName, normalizeProjectName } from '../src/project-name.ts'
import { parseRequirement } from '../src/requirement.ts'
import { formatSdistFilename, parseSdistFilename } from '../src/sdist-filename.ts'
import { normalizeLicenseExpression } from '../src/spdx.ts'
import { parseSpecifierSet, satisfies } from '../src/specifier.ts'
import { compareVersions, formatVersion, parseVersion, tryParseVersion } from '../src/version.ts'
import { parseWheelFilename } from '../src/wheel-filename.ts'
import {
  candidate,
  entryPointsText,
  licenseText,
  messageText,
  nameText,
  requirementText,
  sdistText,
  specifierSet,
  validVersion,
  versionText,
  wheelText,
} from './format-arbitraries.ts'

// One seed for a run, so that a difference can be seen again.
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? '20260822')
const ORACLE = fileURLToPath(new URL('formats-oracle.py', import.meta.url))
// The third is the one that scripts/fetch-clients.ts unpacks: Debian's release has an older `packaging`.
const UNPACKED = fileURLToPath(new URL('../../../.cache/clients/sid/usr/bin/python3', import.meta.url))
const PYTHONS = ['python3', '/usr/bin/python3', UNPACKED]

const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(arbitrary, { numRuns, seed: SEED })
const questions = {
  contains: sample(fc.tuple(candidate, specifierSet), 5000),
  entryPoints: sample(entryPointsText, 20000),
  licenses: sample(licenseText, 3000),
  messages: sample(messageText, 5000),
  names: sample(nameText, 2000),
  orders: sample(fc.oneof(fc.tuple(validVersion, validVersion), fc.tuple(candidate, candidate)), 5000),
  requirements: sample(requirementText, 3000),
  sdists: sample(sdistText, 3000),
  versions: sample(versionText, 5000),
  wheels: sample(wheelText, 3000),
}

type Entries = readonly (readonly [string, string, string])[] | null
interface Answers {
  readonly contains: readonly (readonly [boolean, boolean] | null)[]
  readonly entryPoints: readonly (readonly [Entries, Entries])[]
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

/**
 * A value from its first visible character on: Python 3.13 began to drop the line ends of a first line that is empty too.
 * Where a value decides what is installed, we refuse one that has more than one line.
 */
const withoutLead = (value: string): string => value.replace(/^[ \t\r\n]+/, '')

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
      // `===` without a version matches nothing: Python accepts it, we refuse it.
      if (text.split(',').some((clause) => clause.trim() === '===')) assert.equal(answer, null, text)
      else assert.deepEqual(answer, expected, `${version} in ${JSON.stringify(text)}`)
    })
  })

  test(`wheel names agree with ${against}`, () => {
    assertMixed(answers.wheels)
    each(questions.wheels, answers.wheels, (filename, expected) => {
      const wheel = orNull(() => parseWheelFilename(filename))
      if (wheel === null) {
        // Stricter on purpose: names that are no project names, empty or odd tags and build tags, white space, long integers.
        const [name = '', ...rest] = filename.replace(/\.whl$/, '').split('-')
        const plain =
          isValidProjectName(name) && rest.slice(-3).every((tags) => /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/.test(tags))
        const build = rest.length === 5 ? (rest[1] ?? '') : '0'
        if (plain && /^[0-9]+[A-Za-z0-9_.]*$/.test(build) && !/\s/.test(filename) && !tooManyDigits(filename))
          assert.equal(expected, null, filename)
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
        message.headers.map(({ name, value }) => [name, withoutLead(value)]),
        headers.map(([name, value]) => [name, withoutLead(value)]),
        JSON.stringify(text),
      )
      assert.equal(message.body, body, JSON.stringify(text))
      assert.equal(message.defects.length, defects, JSON.stringify(text))
    })
  })

  test(`WHL-SCRIPT: entry points agree with importlib.metadata and configparser of Python ${oracle.python}`, () => {
    let accepted = 0
    each(questions.entryPoints, answers.entryPoints, (text, [seen, configured]) => {
      const entryPoints = orNull(() => parseEntryPoints(text))
      if (entryPoints === null) return
      accepted += 1
      const entries = entryPoints.map(({ group, name, reference }) => [group, name, reference])
      // The specification's comment with a semicolon stops importlib.metadata, and with it pip.
      if (seen !== null || !/^\s*;/m.test(text)) assert.deepEqual(entries, seen, JSON.stringify(text))
      assert.deepEqual(entries, configured, JSON.stringify(text))
    })
    assert.ok(accepted > questions.entryPoints.length / 20, `${accepted} accepted`)
  })

  test(`requirements agree with ${against}, where it is not looser`, () => {
    assertMixed(answers.requirements)
    each(questions.requirements, answers.requirements, (text, expected) => {
      const read = orNull(() => parseRequirement(text))
      if (read === null) return assert.ok(expected === null || expected[2].includes('==='), JSON.stringify(text))
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
