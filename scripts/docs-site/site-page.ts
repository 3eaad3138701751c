/** A heading that can be linked to. */
export interface Heading {
  readonly level: number
  readonly id: string
  readonly text: string
}

/** One page of the site, before it has its frame. */
export interface SitePage {
  /** Where it lies in the site, for example `errors/not-found.html`. */
  readonly path: string
  readonly title: string
  /** What stands in the main part, its h1 included. */
  readonly html: string
  readonly headings: readonly Heading[]
  /** Terms that a search finds besides title and headings, with their anchors: configuration keys. */
  readonly terms: readonly Heading[]
}

/** The relative reference from the page at `from` to `to`, both paths in the site: the site may lie under any prefix. */
export function relativeLink(from: string, to: string): string {
  const here = from.split('/').slice(0, -1)
  const there = to.split('/')
  let same = 0
  while (same < here.length && same < there.length - 1 && here[same] === there[same]) same += 1
  return [...here.slice(same).map(() => '..'), ...there.slice(same)].join('/')
}

/** Text as it may stand in HTML, in attributes too. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
