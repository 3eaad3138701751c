// The C0 set, DEL and the C1 set (Unicode's general category Cc).
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]+/g
// What makes letters be shown in another order than they stand in (UAX 9), and the separators of lines and paragraphs.
const TURNING = /[\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Whether a text holds a control character. What is shown on terminals and kept in databases holds none: ESC and U+009B begin
 * commands to a terminal (attacks.md LOG), line ends forge lines of a log, and PostgreSQL stores no NUL at all.
 */
export function hasControlCharacters(text: string): boolean {
  return CONTROL.test(text)
}

/** A text that has control characters, with a space for each run of them and none at its ends; any other text as it is. */
export function withoutControlCharacters(text: string): string {
  return CONTROL.test(text) ? text.replaceAll(CONTROLS, ' ').trim() : text
}

/**
 * A text from outside as it is shown to people on a terminal: it gives no commands, begins no line, and reads in the order in which
 * it stands (attacks.md LOG).
 */
export function forTerminal(text: string): string {
  return withoutControlCharacters(text).replaceAll(
    TURNING,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
