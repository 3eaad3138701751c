import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { commandPages, commandPath } from './command-pages.ts'
import { errorPages } from './error-pages.ts'
import type { Frame, NavigationLink } from './frame.ts'
import { readNavigation } from './navigation.ts'
import { renderMarkdown } from './render-markdown.ts'
import type { SitePage } from './site-page.ts'
import { relativeLink } from './site-page.ts'

export interface Site {
  readonly pages: readonly SitePage[]
  readonly navigation: Frame['navigation']
}

/** Documents outside of `docs/` that the site has, and where. */
const OUTSIDE: ReadonlyMap<string, string> = new Map([
  ['SECURITY.md', 'security.html'],
  ['CHANGELOG.md', 'changes.html'],
  ['ARCHITECTURE.md', 'architecture.html'],
  ['CONTRIBUTING.md', 'contributing.html'],
  ['LICENSE', 'license.html'],
])
const COMMANDS = 'docs/commands.md'
const ERRORS = 'docs/errors.md'

/** Reads every document of the repository at `root` and makes the pages of the site. Throws where a link leads nowhere. */
export function collectPages(root: string): Site {
  const read = (source: string) => readFileSync(join(root, source), 'utf8')
  const sources = [...globSync('docs/**/*.md', { cwd: root }).toSorted(), ...OUTSIDE.keys()]
  const places = new Map(sources.map((source) => [source, placeOf(source)]))
  places.set('docs/decisions', 'decisions/index.html')
  places.set('README.md', 'index.html')
  const linkFrom = (source: string) => (path: string) => (target: string) => siteLink(places, source, path, target)
  const documents = sources
    .filter((source) => source !== COMMANDS)
    .map((source) => documentPage(markdownOf(source, read(source)), placeOf(source), linkFrom(source)(placeOf(source))))
  const decisions = documents.filter(({ path }) => path.startsWith('decisions/'))
  const commands = commandPages(read(COMMANDS), linkFrom(COMMANDS))
  const pages = [...documents, decisionList(decisions), ...commands, ...errorPages()]
  const below = new Map<string, NavigationLink['below']>([
    [
      'commands/index.html',
      commands.slice(1).map(({ path, title }) => ({ path, title: title.replace('waxseal ', '') })),
    ],
    ['decisions/index.html', decisions],
  ])
  const navigation = readNavigation(read('docs/index.md')).map(({ title, entries }) => ({
    title,
    links: entries.map((entry) => {
      const path = resolveTarget(places, 'docs/index.md', entry.target).path
      return { title: entry.title, path, below: below.get(path) ?? [] }
    }),
  }))
  return {
    pages,
    navigation: [{ title: 'Waxseal', links: [{ title: 'Overview', path: 'index.html', below: [] }] }, ...navigation],
  }
}

function placeOf(source: string): string {
  const outside = OUTSIDE.get(source)
  if (outside !== undefined) return outside
  // Below them lie the pages of the single commands and codes.
  if (source === COMMANDS || source === ERRORS) return `${source.slice('docs/'.length, -'.md'.length)}/index.html`
  return `${source.slice('docs/'.length, -'.md'.length)}.html`
}

/** The licence is plain text, which must stay as it is. */
function markdownOf(source: string, text: string): string {
  return source.endsWith('.md') ? text : `# License\n\n~~~\n${text}\n~~~\n`
}

function documentPage(text: string, path: string, link: (target: string) => string): SitePage {
  const rendered = renderMarkdown(text, link)
  const title = rendered.headings.find(({ level }) => level === 1)?.text
  if (title === undefined) throw new Error(`${path} has no title`)
  return { path, title, ...rendered }
}

function decisionList(decisions: readonly SitePage[]): SitePage {
  const list = decisions.map(({ path, title }) => `- [${title}](${posix.basename(path)})`).join('\n')
  const text = `# Decisions\n\nChoices that last: context, what was chosen, what was measured, what would change our mind.\n\n${list}\n`
  return { path: 'decisions/index.html', title: 'Decisions', ...renderMarkdown(text, (target) => target) }
}

function resolveTarget(
  places: ReadonlyMap<string, string>,
  source: string,
  target: string,
): { readonly path: string; readonly fragment: string } {
  const [file = '', fragment = ''] = target.split('#')
  const wanted = file === '' ? source : posix.join(dirname(source), file).replace(/\/$/, '')
  const path = places.get(wanted)
  if (path === undefined) throw new Error(`${source} links to ${target}, which the site does not have`)
  if (wanted !== COMMANDS || !fragment.startsWith('waxseal-')) return { path, fragment }
  // A command is a section of the document, and a page of the site.
  return { path: commandPath(fragment.replaceAll('-', ' ')), fragment: '' }
}

/** The target of a link in `source` as it stands on the page at `path`. */
function siteLink(places: ReadonlyMap<string, string>, source: string, path: string, target: string): string {
  if (/^[a-z]+:/.test(target)) return target
  const found = resolveTarget(places, source, target)
  const file = found.path === path ? '' : relativeLink(path, found.path)
  return found.fragment === '' ? file || posix.basename(path) : `${file}#${found.fragment}`
}
