import { REDACTED_SECRET_MIN } from '../limits.ts'

/**
 * Whatever looks like a secret, in any line. Nothing puts these into a line on purpose; this is for what carries them along:
 * an error's message, an address that somebody mistyped. Lines are JSON and stay so: no match has an unescaped quote, or
 * half of an escape. What each form leaves stands before it, so that no more than the secret goes.
 */
const FORMS = [
  // Our tokens, also as a project name would be normalised or an address encodes them (once or more often); PyPI's.
  /wax(?:[_-]|%(?:25)*5f)(?:[\w-]|%[\da-f]{2}){32,}/,
  /pypi(?:-|%(?:25)*2d)AgE[\w-]{16,}/,
  // Credentials of a header by their scheme, or by the header's name.
  /(?<=\b(?:basic|bearer) )[\w+/.~-]{8,}=*/,
  /(?<=authorization(?:"\s?:\s?"|\\"\s?:\s?\\"|'?\s?[:=]\s?'?))(?:[\w-]+ )?[^\s"\\]+/,
  // User information of a URL with a password that may have any sign in it: the text after the colon is no port.
  /(?<=:\/\/)[^\s/:@"\\[]*:(?!\d*(?:[/?#\s"\\]|$))(?:(?!:\/\/)[^\s"\\])*@/,
  /(?<=:\/\/)[^\s/"\\]+@/,
  // A field of JSON; one of JSON within JSON, or a quoted value. Our own lines have ids in the field `token`.
  /(?<=(?:password|passwd|secret)"\s?:\s?")(?:[^"\\]|\\.)+/,
  /(?<=(?:password|passwd|secret|token)(?:\\")?\s?[:=]\s?\\")(?:[^"\\]|\\\\(?:\\["\\]|[^"\\]))+/,
  // `password=…` and `password: …`.
  /(?<=(?:password|passwd|secret)'?:\s?|(?:password|passwd|secret|token)=)[^\s&"\\]+/,
]
export const SECRETS = new RegExp(FORMS.map(({ source }) => source).join('|'), 'gi')

/** Without one of these there is no secret in a line: asked first, since it takes a tenth of the time, for every request. */
export const SIGNS =
  /wax[_%-]|pypi[%-]|basic |bearer |authorization|:\/\/|(?:password|passwd|secret)['\\"\s:=]|token[\\\s:=]/i

/** Makes the function that takes secrets out of a line: what looks like one, and those in `known`. */
export function redactor(known: readonly string[]): (line: string) => string {
  const exact = [...new Set(known.filter((secret) => secret.length >= REDACTED_SECRET_MIN).flatMap(spellings))]
  return (line) => {
    let clean = line
    for (const secret of exact) if (clean.includes(secret)) clean = clean.replaceAll(secret, '[redacted]')
    if (!SIGNS.test(clean)) return clean
    return clean.replaceAll(SECRETS, (found) => (found.endsWith('@') ? '[redacted]@' : '[redacted]'))
  }
}

/** As it is, in a JSON string, and in a URL. */
function spellings(secret: string): readonly string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]
}
