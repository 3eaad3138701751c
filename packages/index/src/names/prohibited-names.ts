import { STDLIB_NAMES } from './stdlib-names.ts'

/** What people install by mistake when they forget `-r`, or name a file: whoever owned it would be installed by them. */
const FILES_OF_PROJECTS: ReadonlySet<string> = new Set([
  'constraints-txt',
  'dev-requirements-txt',
  'environment-yml',
  'pdm-lock',
  'pipfile',
  'pipfile-lock',
  'poetry-lock',
  'pylock-toml',
  'pyproject-toml',
  'requirement-txt',
  'requirements-dev-txt',
  'requirements-test-txt',
  'requirements-txt',
  'rrequirements-txt',
  'setup-cfg',
  'setup-py',
  'uv-lock',
])

/**
 * Why `name`, in normal form, is no name for a project of this index: a clause that follows it. Undefined: it is one. What PyPI
 * prohibits for the same reasons (attacks.md NAME-STD; behaviour.md 4.1 b and d), and an operator's lists.
 */
export function prohibition(name: string, corpus: { has(name: string): boolean }): string | undefined {
  if (STDLIB_NAMES.has(name)) return "is that of a module of Python's standard library"
  if (FILES_OF_PROJECTS.has(name)) return 'is that of a file which people name by mistake'
  if (corpus.has(name)) return 'stands on a list of names that this index keeps free'
  return undefined
}
