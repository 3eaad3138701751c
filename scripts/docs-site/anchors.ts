/** How GitHub names a heading: links in the Markdown sources lead to the same place there and in the site. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** Names without repetition: the second `example` of a page is `example-1`. */
export class Anchors {
  readonly #taken = new Map<string, number>()

  next(heading: string): string {
    const name = anchor(heading)
    const times = this.#taken.get(name) ?? 0
    this.#taken.set(name, times + 1)
    return times === 0 ? name : `${name}-${times}`
  }
}
