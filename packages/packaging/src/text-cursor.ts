/** Reads a text from left to right, once: the base of the hand-written parsers, linear as long as the patterns are. */
export class TextCursor {
  readonly text: string
  #position = 0

  constructor(text: string) {
    this.text = text
  }

  get atEnd(): boolean {
    return this.#position === this.text.length
  }

  /** Skips spaces and tabs, the only white space of PEP 508; says whether there were any. */
  skipSpace(): boolean {
    return this.take(/[ \t]+/y) !== undefined
  }

  /** What a sticky pattern matches at this place, which is then behind the cursor; `undefined` without moving if nothing. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position
    const [found] = pattern.exec(this.text) ?? []
    if (found === undefined) return undefined
    this.#position += found.length
    return found
  }
}
