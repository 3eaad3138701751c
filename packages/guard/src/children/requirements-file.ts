import { basename, dirname, resolve } from 'node:path'
import { GuardError } from '../error.ts'
import { findOptions, type OptionRule } from './command-options.ts'
import { MAX_FILES, MAX_NESTED_FILES } from './limits.ts'
import { mappedIndex, mappedRequirement, refusedOption, withoutUserinfo, type Preparing } from './preparing.ts'
import { isLockName } from './lock-name.ts'
import { preparePylock } from './pylock.ts'
import { checkProjectRequirements, readProjectFile } from './project-file.ts'
import { readBounded } from './read-file.ts'
import { decodeRequirements, requirementsLines, type RequirementsLine } from './requirements-text.ts'
import { scriptMetadata } from './script-metadata.ts'
import { escapeWord, shellWords } from './shell-words.ts'
import { strings } from './toml.ts'

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
  readonly #prepared = new Map<string, Promise<string | undefined>>()
  /** Copies, and how their originals were named. */
  readonly #copies = new Map<string, string>()

  constructor(preparing: Preparing) {
    this.#preparing = preparing
  }

  readonly haveCopies = (): boolean => this.#copies.size > 0

  /** A text in which the child names its copies, with the names of the files themselves. */
  readonly restorePaths = (text: string): string =>
    [...this.#copies].reduce((restored, [copy, given]) => restored.replaceAll(copy, given), text)

  /**
   * Checks a file and those that it names. The path for the child: the file itself where nothing in it had to be mapped, else a
   * temporary copy. @throws requirement-refused and option-refused, with file and line.
   */
  async prepare(given: string, from: string, above: readonly string[] = []): Promise<string> {
    if (/^(?:https?|file):/i.test(given)) {
      throw new GuardError(
        'requirement-refused',
        `${withoutUserinfo(given)} is a requirements file at a URL: nothing signs it. Download it, look at it, and give its path.`,
        { data: { url: withoutUserinfo(given) } },
      )
    }
    const path = resolve(from, given)
    // A file that names itself is the client's to refuse.
    if (above.includes(path)) return given
    const known = this.#prepared.get(path)
    if (known !== undefined) return (await known) ?? given
    if (above.length > MAX_NESTED_FILES || this.#prepared.size >= MAX_FILES) {
      throw new GuardError(
        'requirement-refused',
        `${path}: more than ${MAX_FILES} requirements files, or more than ${MAX_NESTED_FILES} inside one another. Use fewer.`,
        { data: { path } },
      )
    }
    const prepared = this.#copy(path, above)
    this.#prepared.set(path, prepared)
    const copy = await prepared
    if (copy !== undefined) this.#copies.set(copy, given)
    return copy ?? given
  }

  /** The path of the copy; undefined where none is needed. */
  async #copy(path: string, above: readonly string[]): Promise<string | undefined> {
    if (isLockName(path)) return await preparePylock(this.#preparing, path)
    if (path.endsWith('.toml')) {
      checkProjectRequirements(this.#preparing, path, (await readProjectFile(path)) ?? {})
      return undefined
    }
    if (path.endsWith('.py')) {
      const metadata = (await scriptMetadata(path)) ?? {}
      const dependencies = strings(metadata['dependencies']).slice()
      checkProjectRequirements(this.#preparing, path, { project: { dependencies } })
      return undefined
    }
    return await this.#copyIfMapped(path, above)
  }

  async #copyIfMapped(path: string, above: readonly string[]): Promise<string | undefined> {
    const bytes = await readBounded(path, 'requirement-refused')
    if (bytes === undefined) return undefined
    const lines = requirementsLines(decodeRequirements(bytes, path), this.#preparing.env)
    const mapped: { readonly text: string; readonly changed: boolean }[] = []
    for (const line of lines) mapped.push(await this.#line(path, line, above))
    if (!mapped.some(({ changed }) => changed)) return undefined
    return await this.#preparing.temporary.write(
      basename(path),
      // The mark goes before any declared encoding.
      `\u{feff}${mapped.map(({ text }) => `${text}${text.endsWith('\\') ? ' ' : ''}\n`).join('')}`,
    )
  }

  async #line(path: string, { number, text }: RequirementsLine, above: readonly string[]) {
    const where = `${path}:${number}`
    const tokens = text.split(' ')
    const start = tokens.findIndex((token) => token.startsWith('-'))
    const requirement = start === -1 ? text : tokens.slice(0, start).join(' ')
    const rest = start === -1 ? '' : tokens.slice(start).join(' ')
    const words = shellWords(rest)
    // pip refuses such a line.
    if (words === undefined) return { text, changed: false }
    let current = words
    let changed = false
    for (const option of findOptions(words, LINE_OPTIONS, 'C')) {
      const { means, name, value } = option
      if (means === 'refused') throw refusedOption(this.#preparing, name, where)
      if (means === 'index') {
        current = option.replace(current, mappedIndex(this.#preparing, name, value, where))
        changed = true
      }
      if (value === undefined) continue
      if (means === 'editable') {
        const mapped = mappedRequirement(this.#preparing, value, where)
        current = option.replace(current, mapped)
        changed ||= mapped !== value
      }
      // Of several on a line pip reads one, and not always the first.
      if (means === 'nested' && requirement === '') {
        const nested = await this.prepare(value, dirname(path), [...above, path])
        // In a copy a relative path would start from the wrong folder.
        current = option.replace(current, resolve(dirname(path), nested))
        changed ||= nested !== value
      }
    }
    const checked = mappedRequirement(this.#preparing, requirement, where)
    changed ||= checked !== requirement
    if (current === words && !changed) return { text, changed }
    return { text: [checked, ...current.map(escapeWord)].join(' ').trim(), changed }
  }
}
