const MAX_EXCERPT_LENGTH = 60

/**
 * Quotes input for a sentence: at most 60 characters of it, control and non-ASCII characters escaped, so that a message can
 * neither forge a log line nor grow with the input.
 */
export function excerpt(input: string): string {
  const shown = input.length > MAX_EXCERPT_LENGTH ? `${input.slice(0, MAX_EXCERPT_LENGTH)}…` : input
  const escaped = shown.replaceAll(/[^\x20-\x7e…]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `'${escaped}'`
}
