import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { GuardError } from '@waxseal/guard'
import { IniFile, readNetrc } from '@waxseal/guard/configuration'
import { netrcEdit } from '../../packages/waxseal/src/setup/netrc-file.ts'

/** What pip and the others read these files with: Python's own modules, of Debian's release and of sid. */
const ORACLE = resolve(import.meta.dirname, '../support/setup-oracle.py')
const PYTHONS = ['/usr/bin/python3', resolve(import.meta.dirname, '../../.cache/clients/sid/path/python3')]
// One seed for a run, so that a difference can be seen again.
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? '20260822')
const ROUNDS = 4000
const MACHINE = 'packages.example'

type Section = readonly [string, Readonly<Record<string, string>>]
type Host = readonly [name: string, login: string, account: string, password: string]
interface Answers {
  readonly ini: readonly (readonly Section[] | null)[]
  readonly netrc: readonly (readonly [readonly Host[], unknown] | null)[]
}

const ask = (python: string, ini: readonly string[], netrc: readonly string[]): Answers => {
  const input = JSON.stringify({ ini, netrc })
  const { status, stdout, stderr } = spawnSync(python, [ORACLE], { input, encoding: 'utf8', maxBuffer: 2 ** 28 })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Answers
}

const differential = (title: string, body: (python: string) => void): void => {
  for (const python of PYTHONS) {
    void test(`${title} (${python})`, (t) => {
      if (existsSync(python) || process.env['CI']) return body(python)
      t.skip(`${python} is not here`)
    })
  }
}

/** Undefined where the reader refuses. */
const orRefused = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    assert.ok(error instanceof GuardError && error.code === 'config-unreadable', String(error))
    return undefined
  }
}

const joined = (parts: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...parts), { maxLength }).map((found) => found.join(''))

const iniLine = fc
  .tuple(
    fc.constantFrom('', '', '', ' ', '  ', '    ', '\t', '\u00A0', '\x1C', '\uFEFF'),
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom('[global]', '[install]', '[DEFAULT]', '[a]b]', '[]', '[x', '[global] ; c'),
      },
      {
        weight: 6,
        arbitrary: fc
          .tuple(
            fc.constantFrom('a', 'B', 'index-url', 'Index_URL', 'c d', '', '[k'),
            fc.constantFrom('=', ':', ' = ', ' : ', '\t=', ''),
            fc.constantFrom('', '1', 'a = b', 'x ; y', 'x # y', 'https://a.example:1/', '%(a)s', 'v \u0085'),
          )
          .map((parts) => parts.join('')),
      },
      { weight: 3, arbitrary: fc.constantFrom('', '# a = 1', '; b', '#', 'https://b.example/', 'word') },
    ),
    fc.constantFrom('\n', '\n', '\n', '\r\n', '\r'),
  )
  .map((parts) => parts.join(''))
const iniText = fc
  .tuple(fc.constantFrom('', '[global]\n', '[s]\n  first = 1\n'), fc.array(iniLine, { maxLength: 7 }))
  .map(([head, lines]) => head + lines.join(''))
const netrcText = fc
  .tuple(
    fc.constantFrom('', 'machine a login b password c\n', `machine ${MACHINE} login x password y\n`),
    joined(
      [
        'machine ',
        'machine a ',
        'machine b\n',
        `machine ${MACHINE} `,
        'default ',
        'default\n',
        'login ',
        'login default ',
        'user u\n',
        'password ',
        'password machine\n',
        'password p ',
        'account c ',
        'macdef m\n',
        'macdef m\nx\n\n',
        '\n',
        '\r\n',
        ' ',
        '\t',
        '# c d\n',
        '#c\n',
        '#c d\n',
        '#',
        ' # ',
        '"q r" ',
        '""',
        '"a\\"b" ',
        'a\\ b ',
        '\\',
        '"',
        'word ',
        'macdef ',
        '\u00A0',
      ],
      8,
    ),
  )
  .map((parts) => parts.join(''))

const sections = (file: IniFile) => file.options().map(({ section, key, value }) => [section, key, value])
const flat = (found: readonly Section[]) =>
  found.flatMap(([section, options]) => Object.entries(options).map(([key, value]) => [section, key, value]))
const sorted = <T>(list: readonly T[]) => list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

differential('INI files are read as configparser reads them, and written so that it reads what was meant', (python) => {
  const texts = fc.sample(iniText, { numRuns: ROUNDS, seed: SEED })
  const written = texts.map((text) =>
    orRefused(() => {
      const file = new IniFile(text, 'x')
      assert.equal(file.toString(), text)
      file.set('global', 'index-url', 'https://new.example/')
      file.set('new', 'servers', '\none\ntwo')
      const [first] = file.options()
      if (first !== undefined) file.remove(first)
      return { text: file.toString(), removed: first }
    }),
  )
  const before = ask(python, texts, []).ini
  const after = ask(
    python,
    written.map((edit) => edit?.text ?? ''),
    [],
  ).ini
  let read = 0
  for (const [at, text] of texts.entries()) {
    const theirs = before[at]
    const ours = orRefused(() => new IniFile(text, 'x'))
    const edit = written[at]
    assert.equal(ours === undefined, theirs === null, JSON.stringify(text))
    if (ours === undefined || !theirs || edit === undefined) continue
    read += 1
    assert.deepEqual(sorted(sections(ours)), sorted(flat(theirs)), JSON.stringify(text))
    const wanted = [
      ...flat(theirs).filter(([section, key]) => section !== 'global' || key !== 'index-url'),
      ['global', 'index-url', 'https://new.example/'],
      ['new', 'servers', '\none\ntwo'],
    ].filter(([section, key]) => section !== edit.removed?.section || key !== edit.removed?.key)
    assert.deepEqual(
      sorted(flat(after[at] ?? [])),
      sorted(wanted),
      `${JSON.stringify(text)} ${JSON.stringify(edit.text)}`,
    )
  }
  assert.ok(read > ROUNDS / 10, `only ${read} of the texts could be read`)
})

differential('.netrc is read as Python reads it, and only our entry of it is edited', (python) => {
  const texts = fc.sample(netrcText, { numRuns: ROUNDS, seed: SEED })
  const edits = texts.map((text) => orRefused(() => netrcEdit(text, 'x', MACHINE, 'me', 'a"b\\c')))
  const before = ask(python, [], texts).netrc
  const after = ask(
    python,
    [],
    edits.map((edit) => edit?.text ?? ''),
  ).netrc
  let read = 0
  for (const [at, text] of texts.entries()) {
    const theirs = before[at]
    const entries = orRefused(() => readNetrc(text, 'x'))
    const edit = edits[at]
    if (entries === undefined || edit === undefined) {
      // Stricter than Python in one thing: what ends in the middle, or in an empty word where a keyword should be.
      if (theirs !== null)
        assert.match(text, /""|\\$|"[^"]*$|(?:login|user|password|account)\s*$/, JSON.stringify(text))
      continue
    }
    read += 1
    assert.ok(theirs, JSON.stringify(text))
    const last = new Map(
      entries.map(({ machine = 'default', values }) => {
        const value = (key: string) => values.findLast((it) => it.key === key)?.text ?? ''
        return [machine, [machine, value('login'), value('account'), value('password')]]
      }),
    )
    assert.deepEqual(sorted([...last.values()]), sorted(theirs[0]), JSON.stringify(text))
    const account = theirs[0].find(([name]) => name === MACHINE)?.[2] ?? ''
    const wanted = [...theirs[0].filter(([name]) => name !== MACHINE), [MACHINE, 'me', account, 'a"b\\c']]
    assert.deepEqual(
      [sorted(after[at]?.[0] ?? []), after[at]?.[1]],
      [sorted(wanted), theirs[1]],
      `${JSON.stringify(text)} ${JSON.stringify(edit.text)}`,
    )
  }
  assert.ok(read > ROUNDS / 10, `only ${read} of the texts could be read`)
})
