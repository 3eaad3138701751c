import { findOptions } from '../children/command-options.ts'
import type { OptionRule } from '../children/command-options.ts'
import { requirementsLines } from '../children/requirements-text.ts'
import { shellWords } from '../children/shell-words.ts'

/** What an option of a requirements file says, as far as it says where packages come from. */
type Meaning = 'constraint' | 'editable' | 'hash' | 'source' | 'requirement' | 'trusted-host'

/** A line of a requirements file, taken apart. */
export interface RequirementLine {
  /** Of its first line, from 1. */
  readonly line: number
  /** What stands before the options: a requirement, a URL or a path; empty on a line of options alone. */
  readonly requirement: string
  readonly options: readonly { readonly means: Meaning; readonly name: string; readonly value: string }[]
}

const RULES: readonly OptionRule<Meaning>[] = [
  { names: ['--requirement', '-r'], means: 'requirement', value: true },
  { names: ['--constraint', '-c'], means: 'constraint', value: true },
  { names: ['--editable', '-e'], means: 'editable', value: true },
  { names: ['--index-url', '-i', '--pypi-url'], means: 'source', value: true },
  { names: ['--extra-index-url'], means: 'source', value: true },
  { names: ['--find-links', '-f'], means: 'source', value: true },
  { names: ['--trusted-host'], means: 'trusted-host', value: true },
  { names: ['--hash'], means: 'hash', value: true },
]
/** `--config-settings`. */
const OTHER_SHORT = 'C'

/** The lines of a requirements file as pip reads them; `env` is what `${NAME}` is expanded from. */
export function requirementLines(text: string, env: NodeJS.ProcessEnv): readonly RequirementLine[] {
  return requirementsLines(text, env).map(({ number, text: whole }) => {
    const words = whole.split(' ')
    const first = words.findIndex((word) => word.startsWith('-'))
    const options = first === -1 ? [] : (shellWords(words.slice(first).join(' ')) ?? [])
    return {
      line: number,
      requirement: (first === -1 ? whole : words.slice(0, first).join(' ')).trim(),
      options: findOptions(options, RULES, OTHER_SHORT).map(({ means, name, value = '' }) => ({ means, name, value })),
    }
  })
}
