/** A stream sorted by sha256 that is looked into beside another one: one row of each is in memory. */
export class SortedRows<Row extends { readonly sha256: string }> {
  readonly #rows: AsyncIterator<Row>
  #next: Row | undefined
  #begun = false

  constructor(rows: AsyncIterable<Row>) {
    this.#rows = rows[Symbol.asyncIterator]()
  }

  /** The row of `sha256`, if any; those before it are passed to `skipped`. */
  async upTo(sha256: string, skipped?: (row: Row) => Promise<void>): Promise<Row | undefined> {
    if (!this.#begun) await this.#advance()
    while (this.#next !== undefined && this.#next.sha256 < sha256) {
      await skipped?.(this.#next)
      await this.#advance()
    }
    if (this.#next?.sha256 !== sha256) return undefined
    const found = this.#next
    await this.#advance()
    return found
  }

  async *rest(): AsyncIterable<Row> {
    if (!this.#begun) await this.#advance()
    for (; this.#next !== undefined; await this.#advance()) yield this.#next
  }

  async #advance(): Promise<void> {
    this.#begun = true
    const { done, value } = await this.#rows.next()
    this.#next = done === true ? undefined : value
  }
}
