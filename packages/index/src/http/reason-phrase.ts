import { REASON_PHRASE_MAX } from '../limits.ts'

/** Typographic characters that have an obvious ASCII spelling; everything else beyond Latin-1 goes through NFKD. */
const ASCII_SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...Array.from('\u2010\u2011\u2012\u2013\u2014\u2015\u2212', (dash) => [dash, '-'] as const),
  ...Array.from('\u2018\u2019\u201A\u201B\u2032', (quote) => [quote, "'"] as const),
  ...Array.from('\u201C\u201D\u201E\u201F\u2033', (quote) => [quote, '"'] as const),
  ['\u2026', '...'],
  ['\u2022', '*'],
  ['\u2190', '<-'],
  ['\u2192', '->'],
  ['\u20AC', 'EUR'],
])

const INVISIBLE = /^[\p{Cf}\p{M}]$/u
const BLANK = /^[\s\p{Cc}\p{Z}]$/u
const PLAIN_ASCII = /^[!-~]+(?: [!-~]+)*$/

/**
 * Folds any text to what may stand in an HTTP/1.1 status line: printable Latin-1, single blanks, at most
 * `REASON_PHRASE_MAX` characters; may be empty. Node throws on anything above U+00FF and on CR or LF, which would turn
 * a refusal into a 500 and a header injection into a fact (behaviour.md 1.2). Linear in the kept length.
 */
export function foldReason(text: string): string {
  if (text.length <= REASON_PHRASE_MAX && PLAIN_ASCII.test(text)) return text
  let folded = ''
  let blank = false
  for (const character of text.slice(0, 4 * REASON_PHRASE_MAX)) {
    if (BLANK.test(character)) {
      blank = folded !== ''
      continue
    }
    const spelling = spell(character)
    if (spelling === '') continue
    folded += blank ? ` ${spelling}` : spelling
    blank = false
    if (folded.length > REASON_PHRASE_MAX) return `${folded.slice(0, REASON_PHRASE_MAX - 3).trimEnd()}...`
  }
  return folded
}

function spell(character: string): string {
  if (character >= '!' && character <= '~') return character
  if (INVISIBLE.test(character)) return ''
  if (character >= '\u00A1' && character <= '\u00FF') return character
  const known = ASCII_SPELLINGS.get(character)
  if (known !== undefined) return known
  const base = character.normalize('NFKD').replaceAll(/\p{M}/gu, '')
  return /^[!-~]+$/.test(base) ? base : '?'
}
