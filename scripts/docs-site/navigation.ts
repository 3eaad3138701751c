/** One entry of the navigation: the target as `docs/index.md` has it. */
export interface NavigationEntry {
  readonly title: string
  readonly target: string
}

export interface NavigationSection {
  readonly title: string
  readonly entries: readonly NavigationEntry[]
}

/**
 * The navigation is what `docs/index.md` lists, so that there is one order of the pages and not two: each `## ` heading
 * is a section, the first link of each row of its tables an entry.
 */
export function readNavigation(index: string): readonly NavigationSection[] {
  const sections: { title: string; entries: NavigationEntry[] }[] = []
  for (const line of index.split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1]
    if (heading !== undefined) sections.push({ title: heading, entries: [] })
    const row = /^\| \[([^\]]+)\]\(([^)]+)\)/.exec(line)
    if (row !== null) sections.at(-1)?.entries.push({ title: row[1] ?? '', target: row[2] ?? '' })
  }
  return sections.filter(({ entries }) => entries.length > 0)
}
