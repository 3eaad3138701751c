import { ultranormalizeProjectName } from '@waxseal/packaging'
import type { Namespaces } from './namespaces.ts'

/**
 * How one name is taken for another: it is `confused` with it by the eye (separators, `l` and `1`, `o` and `0`), or comes of it by
 * one slip of the hand, of the five classes that PyPI looks for (behaviour.md 4.1; attacks.md NAME-CONF, NAME-TYPO).
 */
export type Likeness = 'confused' | 'repeated' | 'omitted' | 'swapped' | 'reordered' | 'neighbour'

/** A clause that says how `name` is like another, which follows it. */
export function likenessClause(likeness: Likeness): string {
  switch (likeness) {
    case 'confused':
      return 'cannot be told from'
    case 'repeated':
      return 'has one letter too many to be'
    case 'omitted':
      return 'lacks one letter to be'
    case 'swapped':
      return 'has two letters exchanged that make'
    case 'reordered':
      return 'has the words of'
    case 'neighbour':
      return 'has one letter beside that of'
  }
}

/** Below this names are neighbours by chance. */
const MIN_TYPO_LENGTH = 4
/** Words whose orders are all looked at: 120 of them. */
const MAX_WORDS = 5
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** The keys beside each on the common keyboard, and what the eye takes for it. */
const NEIGHBOURS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'qwsz',
    b: 'vghn',
    c: 'xdfv',
    d: 'serfcx',
    e: 'wsdr',
    f: 'drtgvc',
    g: 'ftyhbvq',
    h: 'gyujnb',
    i: 'ujko',
    j: 'huikmn',
    k: 'jiolm',
    l: 'kop',
    m: 'njk',
    n: 'bhjm',
    o: 'iklp',
    p: 'ol',
    q: 'wag',
    r: 'edft',
    s: 'awedxz',
    t: 'rfgy',
    u: 'yhjiv',
    v: 'cfgbu',
    w: 'qase',
    x: 'zsdc',
    y: 'tghu',
    z: 'asx',
  }),
)
/** Two letters that stand for one. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['rn', 'm'],
  ['vv', 'w'],
]

/**
 * The names that `name`, in normal form, may be a slip of, each with how. Digits are left alone: `service-1` and `service-2` are
 * two names on purpose.
 */
export function slipsOf(name: string): ReadonlyMap<string, Likeness> {
  const found = new Map<string, Likeness>()
  if (name.length < MIN_TYPO_LENGTH) return found
  const add = (other: string, likeness: Likeness): void => {
    if (other !== name && !found.has(other)) found.set(other, likeness)
  }
  for (let at = 0; at < name.length; at += 1) {
    const before = name.slice(0, at)
    const here = name[at] ?? ''
    const next = name[at + 1] ?? ''
    const after = name.slice(at + 1)
    if (isLetter(here) && here === next) add(before + after, 'repeated')
    if (isLetter(here) && isLetter(next)) add(before + next + here + name.slice(at + 2), 'swapped')
    for (const neighbour of NEIGHBOURS.get(here) ?? '') add(before + neighbour + after, 'neighbour')
    for (const [two, one] of PAIRS) {
      if (name.startsWith(two, at)) add(before + one + name.slice(at + 2), 'neighbour')
      if (here === one) add(before + two + after, 'neighbour')
    }
  }
  for (let at = 0; at <= name.length; at += 1) {
    for (const letter of LETTERS) add(name.slice(0, at) + letter + name.slice(at), 'omitted')
  }
  const words = name.split('-')
  if (words.length <= MAX_WORDS) for (const order of ordersOf(words)) add(order.join('-'), 'reordered')
  return found
}

/**
 * The prefix that `name` seems to lie under without doing so: its first words are like it. A name that a prefix covers is its
 * holder's, whatever other prefixes there are.
 */
export function lookAlikePrefix(
  name: string,
  namespaces: Namespaces,
): { readonly prefix: string; readonly likeness: Likeness } | undefined {
  if (namespaces.size === 0 || namespaces.covering(name)?.name !== undefined) return undefined
  const forms = Array.from(namespaces, ({ name: prefix }) => [prefix, ultranormalizeProjectName(prefix)] as const)
  const longest = Math.max(...forms.map(([, form]) => form.length))
  const words = name.split('-')
  for (let count = 1; count <= words.length; count += 1) {
    const head = words.slice(0, count).join('-')
    const form = ultranormalizeProjectName(head)
    // A slip adds a letter at most, or a second one for `m`.
    if (form.length > longest + 1) break
    const slips = slipsOf(head)
    for (const [prefix, pretended] of forms) {
      const likeness = pretended === form ? 'confused' : slips.get(prefix)
      if (likeness !== undefined) return { prefix, likeness }
    }
  }
  return undefined
}

function isLetter(character: string): boolean {
  return character >= 'a' && character <= 'z'
}

function ordersOf(words: readonly string[]): readonly (readonly string[])[] {
  if (words.length <= 1) return [words]
  return words.flatMap((word, at) => ordersOf(words.toSpliced(at, 1)).map((rest) => [word, ...rest]))
}
