import { REDACTED_SECRET_MIN } from '../limits.ts'

/**
 * Whatever looks like a secret, in any line: our tokens (also as a project name would be normalised) and PyPI's, credentials of an Authorization header, and the
 * user information of a URL. Nothing puts these into a line on purpose; this is for what carries them along: an error's
 * message, an address that somebody mistyped.
 */
const SECRETS =
  /wax[_-][\w-]{32,}|pypi-AgE[\w-]{16,}|\b(?:Basic|Bearer) [\w+/.~-]{8,}=*|(?<=:\/\/)[^\s/@"\\]{1,512}@|(?<=\b(?:password|passwd|token|secret)=)[^\s&"\\]+/gi

/** Without one of these there is no secret in a line: asked first, since it takes a fifth of the time, for every request. */
const SIGNS = /wax[_-]|pypi-a|basic |bearer |:\/\/|(?:password|passwd|token|secret)=/i

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
