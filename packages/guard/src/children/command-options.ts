/** What an option means to the guard; one that is in no list means nothing to it. */
export interface OptionRule<Meaning extends string> {
  /** All its names, the one for messages first. */
  readonly names: readonly string[]
  readonly means: Meaning
  /** False: it is a switch, and what follows is not its value. */
  readonly value: boolean
}

export interface FoundOption<Meaning extends string> {
  readonly means: Meaning
  /** The option's full name, however it was abbreviated. */
  readonly name: string
  /** Undefined for a switch, and where the words end before the value. */
  readonly value: string | undefined
  /** Which of the words holds the value. */
  readonly place: number
  /** The words with another value in its place. */
  replace(words: readonly string[], value: string): readonly string[]
}

/**
 * Finds the options of `rules` among words, in every form that optparse, argparse and clap understand: `--name value`, `--name=value`,
 * `-nvalue`, `-abn value` and abbreviations. On the side of refusing: a word that looks like an option is taken for one, also where it
 * might be the value of an option before it or stands behind `--`.
 */
export function findOptions<Meaning extends string>(
  words: readonly string[],
  rules: readonly OptionRule<Meaning>[],
  /** Short options that take a value and have no rule: what follows one in its word is no option. */
  otherShortWithValue = '',
): readonly FoundOption<Meaning>[] {
  return words.flatMap((word, at) => {
    if (word.startsWith('--')) return longOption(words, at, rules)
    if (word.startsWith('-')) return shortOptions(words, at, rules, otherShortWithValue)
    return []
  })
}

function longOption<Meaning extends string>(
  words: readonly string[],
  at: number,
  rules: readonly OptionRule<Meaning>[],
): readonly FoundOption<Meaning>[] {
  const word = words[at] ?? ''
  const equals = word.indexOf('=')
  const name = equals === -1 ? word : word.slice(0, equals)
  if (name === '--') return []
  const exact = rules.filter((rule) => rule.names.includes(name))
  const meant = exact.length > 0 ? exact : rules.filter((rule) => rule.names.some((known) => known.startsWith(name)))
  return meant.map((rule) => found(rule, words, at, equals === -1 ? undefined : word.slice(0, equals + 1)))
}

function shortOptions<Meaning extends string>(
  words: readonly string[],
  at: number,
  rules: readonly OptionRule<Meaning>[],
  otherShortWithValue: string,
): readonly FoundOption<Meaning>[] {
  const word = words[at] ?? ''
  const seen: FoundOption<Meaning>[] = []
  for (let end = 2; end <= word.length; end++) {
    const letter = word.charAt(end - 1)
    const rule = rules.find(({ names }) => names.includes(`-${letter}`))
    if (rule !== undefined) seen.push(found(rule, words, at, end === word.length ? undefined : word.slice(0, end)))
    if (rule?.value === true || otherShortWithValue.includes(letter)) break
  }
  return seen
}

/** `prefix`: what stands before the value in its own word; undefined where the value is the next word. */
function found<Meaning extends string>(
  rule: OptionRule<Meaning>,
  words: readonly string[],
  at: number,
  prefix: string | undefined,
): FoundOption<Meaning> {
  const place = prefix === undefined ? at + 1 : at
  return {
    means: rule.means,
    name: rule.names[0] ?? '',
    value: rule.value ? words[place]?.slice(prefix?.length ?? 0) : undefined,
    place,
    replace: (current, value) => current.with(place, `${prefix ?? ''}${value}`),
  }
}
