const WHITESPACE = ' \t\n\r\f\v'

/**
 * Strips ASCII white space from both ends in linear time. `trim()` would also strip U+FEFF and others, by which Python's readers
 * and ours would come to differ.
 */
export function trimAsciiWhitespace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && WHITESPACE.includes(text.charAt(start))) start += 1
  while (end > start && WHITESPACE.includes(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}
