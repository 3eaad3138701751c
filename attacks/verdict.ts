import type { Attempt } from './attempt.ts'
import { PATIENCE_BYTES, PATIENCE_MEMORY, PATIENCE_MS } from './attempt.ts'
import type { Scenario } from './scenario.ts'

export interface Verdict {
  readonly fell: boolean
  /** The cell: the same in every run. */
  readonly text: string
}

/** How pip says why it gave up; the first that is found. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/DO NOT MATCH THE HASHES/, 'the hash differs'],
  [/Hashes are required in --require-hashes mode/, 'a hash is missing'],
  [/has inconsistent (?:Name|name)/, 'the name inside differs'],
  [/has inconsistent (?:Version|version)/, 'the version inside differs'],
  [/has inconsistent/, 'the metadata inside differs'],
  [/^Traceback \(most recent call last\)/m, 'crashes'],
  [/ResolutionImpossible|conflicting dependencies/, 'no versions fit together'],
  [/HTTP error (\d{3})|\b(\d{3}) Client Error/, 'HTTP $1'],
  [/not a valid wheel|is invalid\.|BadZipFile|has an invalid wheel/, 'the archive is damaged'],
  [/ReadTimeoutError|Read timed out/, 'times out'],
  [/Max retries exceeded|ProtocolError|IncompleteRead|Connection (?:broken|aborted)/, 'the connection fails'],
  [/metadata-generation-failed|subprocess-exited-with-error/, 'the build fails'],
  [/No matching distribution found|Could not find a version/, 'finds nothing'],
]

/** What an attempt came to, for the table. */
export function verdictOn(
  attempt: Attempt,
  { wanted, denies = false }: Pick<Scenario, 'wanted' | 'denies'>,
  names: (text: string) => string,
): Verdict {
  const { code, gaveUp, got, evil, ran, verb, guard } = attempt
  const list = (releases: readonly string[]): string => names(releases.join(', '))
  const codes = guard?.codes ?? []
  const say = (fell: boolean, text: string | undefined): Verdict => ({
    fell,
    text: `${fell ? 'falls' : 'holds'}: ${[...codes, ...(text === undefined ? [] : [codes.length > 0 ? `pip: ${text}` : text])].join('; ')}`,
  })
  if (ran.length > 0) return say(true, list(ran))
  if (evil.length > 0) return say(true, `${verb} the attacker's ${list(evil)}`)
  if (gaveUp === 'flooded') return say(true, `still takes more after ${PATIENCE_BYTES / 1024 ** 2} MiB`)
  if (gaveUp === 'bloated') return say(true, `takes more than ${PATIENCE_MEMORY / 1024 ** 2} MiB of memory`)
  if (gaveUp === 'waiting') return say(true, `still waits after ${PATIENCE_MS / 1000} s`)
  if (code === 0) {
    const isWanted = list(got) === list(wanted.toSorted())
    return say(!isWanted, `${verb} ${got.length === 0 ? 'nothing' : list(got)}`)
  }
  // A guard that refuses before the start says why itself.
  return say(denies, guard?.started === false ? undefined : why(attempt.output))
}

/** Why pip gave up, in the words of this table. */
export function why(output: string): string {
  for (const [pattern, words] of REASONS) {
    const found = pattern.exec(output)
    if (found !== null) return words.replace('$1', found[1] ?? found[2] ?? '')
  }
  return 'fails'
}
