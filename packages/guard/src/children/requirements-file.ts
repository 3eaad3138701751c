import { basename, dirname, resolve } from 'node:path'
import { GuardError } from '../error.ts'
import { findOptions, type OptionRule } from './command-options.ts'
import { MAX_FILES, MAX_NESTED_FILES } from './limits.ts'
import { mappedIndex, mappedRequirement, refusedOption, type Preparing } from './preparing.ts'
import { isLockName } from './lock-name.ts'
import { preparePylock } from './pylock.ts'
import { readBounded } from './read-file.ts'
import { decodeRequirements, requirementsLines, type RequirementsLine } from './requirements-text.ts'
import { escapeWord, shellWords } from './shell-words.ts'

const LINE_OPTIONS: readonly OptionRule<'index' | 'refused' | 'nested' | 'editable'>[] = [
  { names: ['--index-url', '-i', '--pypi-url'], means: 'index', value: true },
  { names: ['--extra-index-url'], means: 'index', value: true },
  { names: ['--find-links', '-f'], means: 'refused', value: true },
  { names: ['--trusted-host'], means: 'refused', value: true },
  { names: ['--requirement', '-r'], means: 'nested', value: true },
  { names: ['--constraint', '-c'], means: 'nested', value: true },
  { names: ['--editable', '-e'], means: 'editable', value: true },
]

/** The requirements files of one command, each read once. */
export class RequirementsFiles {
  readonly #preparing: Preparing
  readonly #prepared = new Map<string, Promise<string>>()

  constructor(preparing: Preparing) {
    this.#preparing = preparing
  }

  /**
   * Checks a file and those that it names. The path for the child: the file itself where nothing in it had to be mapped, else a
   * temporary copy. @throws requirement-refused and option-refused, with file and line.
   */
  prepare(given: string, from: string, depth = 0): Promise<string> {
    if (/^(?:https?|file):/i.test(given)) {
      throw new GuardError(
        'requirement-refused',
        `${given} is a requirements file at a URL: nothing signs it. Download it, look at it, and give its path.`,
        { data: { url: given } },
      )
    }
    const path = resolve(from, given)
    const known = this.#prepared.get(path)
    if (known !== undefined) return known
    if (depth > MAX_NESTED_FILES || this.#prepared.size >= MAX_FILES) {
      throw new GuardError(
        'requirement-refused',
        `${path}: more than ${MAX_FILES} requirements files, or more than ${MAX_NESTED_FILES} inside one another. Use fewer.`,
        { data: { path } },
      )
    }
    // Standing for itself until it is read: a file that names itself is pip's to refuse.
    this.#prepared.set(path, Promise.resolve(given))
    const prepared = isLockName(path)
      ? preparePylock(this.#preparing, path, given)
      : this.#copyIfMapped(path, given, depth)
    this.#prepared.set(path, prepared)
    return prepared
  }

  async #copyIfMapped(path: string, given: string, depth: number): Promise<string> {
    const bytes = await readBounded(path, 'requirement-refused')
    if (bytes === undefined) return given
    const lines = requirementsLines(decodeRequirements(bytes, path), this.#preparing.env)
    const mapped: { readonly text: string; readonly changed: boolean }[] = []
    for (const line of lines) mapped.push(await this.#line(path, line, depth))
    if (!mapped.some(({ changed }) => changed)) return given
    return await this.#preparing.temporary.write(
      basename(path),
      // The mark goes before any declared encoding.
      `\u{feff}${mapped.map(({ text }) => `${text}${text.endsWith('\\') ? ' ' : ''}\n`).join('')}`,
    )
  }

  async #line(path: string, { number, text }: RequirementsLine, depth: number) {
    const where = `${path}:${number}`
    const tokens = text.split(' ')
    const start = tokens.findIndex((token) => token.startsWith('-'))
    const requirement = start === -1 ? text : tokens.slice(0, start).join(' ')
    const rest = start === -1 ? '' : tokens.slice(start).join(' ')
    const words = shellWords(rest)
    // pip refuses such a line.
    if (words === undefined) return { text, changed: false }
    let current = words
    for (const option of findOptions(words, LINE_OPTIONS, 'C')) {
      if (option.means === 'refused') throw refusedOption(this.#preparing, option.name, where)
      if (option.means === 'index')
        current = option.replace(current, mappedIndex(this.#preparing, option.name, option.value, where))
      if (option.value === undefined) continue
      if (option.means === 'editable') {
        current = option.replace(current, mappedRequirement(this.#preparing, option.value, where))
      }
      if (option.means === 'nested' && requirement === '') {
        const nested = await this.prepare(option.value, dirname(path), depth + 1)
        // In a copy a relative path would start from the wrong folder.
        const place = resolve(dirname(path), nested)
        return { text: `${option.name} ${escapeWord(place)}`, changed: nested !== option.value }
      }
    }
    const checked = mappedRequirement(this.#preparing, requirement, where)
    if (current === words && checked === requirement) return { text, changed: false }
    return {
      text: [checked, ...current.map(escapeWord)].join(' ').trim(),
      changed: checked !== requirement || current.some((word, at) => word !== words[at]),
    }
  }
}
