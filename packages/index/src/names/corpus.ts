import { isValidProjectName, normalizeProjectName, ultranormalizeProjectName } from '@waxseal/packaging'
import { MAX_CORPUS_NAMES } from '../limits.ts'

/** Names that an operator wants nobody to claim or to imitate: well-known ones, or those of partners. */
export interface Corpus {
  /** `name` in normal form. */
  has(name: string): boolean
  /** The name with this ultranormal form. */
  looksLike(ultranormal: string): string | undefined
}

export const NO_CORPUS: Corpus = corpusOf([])

/** `names` in normal form; of two with the same ultranormal form the first stands for both. */
export function corpusOf(names: Iterable<string>): Corpus {
  const exact = new Set(names)
  const forms = new Map<string, string>()
  for (const name of exact) {
    const form = ultranormalizeProjectName(name)
    if (!forms.has(form)) forms.set(form, name)
  }
  return { has: (name) => exact.has(name), looksLike: (form) => forms.get(form) }
}

/** Reads a list: one name a line in any spelling; empty lines and those that begin with `#` are left out. */
export function readCorpus(
  text: string,
):
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'malformed'; readonly line: number; readonly message: string } {
  const names: string[] = []
  let line = 0
  for (const raw of text.split('\n')) {
    line += 1
    const name = raw.trim()
    if (name === '' || name.startsWith('#')) continue
    if (!isValidProjectName(name)) return { kind: 'malformed', line, message: 'is not the name of a project' }
    if (names.length === MAX_CORPUS_NAMES) {
      return { kind: 'malformed', line, message: `is one more than the ${MAX_CORPUS_NAMES} names that a list may have` }
    }
    names.push(normalizeProjectName(name))
  }
  return { kind: 'names', names }
}
