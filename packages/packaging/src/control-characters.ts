// The C0 set, DEL and the C1 set (Unicode's general category Cc).
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]+/g

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
