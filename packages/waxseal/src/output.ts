import { forTerminal } from '@waxseal/packaging/names'

/** How a command speaks: exactly one JSON document with `--json`, else lines for people. */
export interface Output {
  readonly json: boolean
}

/** Prints the result of a command: `document` for scripts, `lines` for people. */
export function printResult(output: Output, document: unknown, lines: readonly string[]): void {
  process.stdout.write(resultText(output, document, lines))
}

/** As `printResult` prints it. */
export function resultText(output: Output, document: unknown, lines: readonly string[]): string {
  return output.json ? jsonText(document) : terminalText(lines)
}

/** A document as one line: the same JSON, also where a terminal shows it. */
export function jsonText(document: unknown): string {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(document).replaceAll(UNESCAPED, escaped)}\n`
}

/** JSON itself escapes the C0 set alone. All of these are in the basic plane. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu

/**
 * Writes what is shown this once, and waits until it is written: what nobody may have got must not come into force.
 * @throws the stream's error
 */
export async function writeShownOnce(stream: NodeJS.WriteStream, text: string): Promise<void> {
  // A file's stream throws, a pipe's tells later.
  await new Promise<void>((written, failed) => {
    stream.write(text, (error) => (error ? failed(error) : written()))
  })
}

/** Lines as a terminal gets them: names and reasons in them come from outside and give it no commands (attacks.md LOG). */
export function terminalText(lines: readonly string[]): string {
  return lines.map((line) => `${forTerminal(line)}\n`).join('')
}

/** Lines of columns, as wide as their widest cell. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)))
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** Narrow enough for any terminal. */
const WIDTH = 80

/**
 * A line in pieces of at most `width` columns, broken at spaces; those after the first begin with `indent` spaces. A word
 * that is longer stays whole.
 */
export function folded(line: string, indent: number, width: number = WIDTH): readonly string[] {
  const pieces: string[] = []
  let rest = line
  while (rest.length > width) {
    const begin = pieces.length === 0 ? 0 : indent
    const last = rest.lastIndexOf(' ', width)
    const at = last > begin ? last : rest.indexOf(' ', width)
    if (at === -1) break
    pieces.push(rest.slice(0, at).trimEnd())
    rest = ' '.repeat(indent) + rest.slice(at).trimStart()
  }
  return [...pieces, rest]
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** A number of bytes as people read it. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return ''
  const unit = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return unit === 0 ? `${bytes} B` : `${(bytes / 1024 ** unit).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`
}
