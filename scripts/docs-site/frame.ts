import type { SitePage } from './site-page.ts'
import { escapeHtml, relativeLink } from './site-page.ts'

/** A link of the navigation, with the pages that lie below it. */
export interface NavigationLink {
  readonly title: string
  readonly path: string
  /** Shown while one of them, or the link's own page, is open. */
  readonly below: readonly { readonly title: string; readonly path: string }[]
}

export interface Frame {
  readonly version: string
  readonly navigation: readonly { readonly title: string; readonly links: readonly NavigationLink[] }[]
}

/** Headings of a page from which on it gets a table of contents. */
const CONTENTS_FROM = 3

/** The whole HTML document of a page. It loads the style and the search, by relative addresses, and nothing else. */
export function framed(page: SitePage, frame: Frame): string {
  const to = (path: string) => escapeHtml(relativeLink(page.path, path))
  const title = page.path === 'index.html' ? 'Waxseal documentation' : `${page.title} · Waxseal`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${to('style.css')}">
<link rel="icon" href="${to('seal.svg')}" type="image/svg+xml">
<script type="module" src="${to('search.js')}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="bar">
<a class="home" href="${to('index.html')}">Waxseal <span>documentation</span></a>
<search id="search"></search>
<button type="button" class="menu" popovertarget="menu">Menu</button>
</header>
<div class="columns">
<nav id="menu" popover aria-label="Pages">
${frame.navigation.map(({ title: words, links }) => section(words, links, page.path)).join('\n')}
</nav>
<main id="content" tabindex="-1">
${page.html}</main>
${contents(page)}</div>
<footer>Waxseal ${escapeHtml(frame.version)}</footer>
</body>
</html>
`
}

function section(title: string, links: readonly NavigationLink[], here: string): string {
  return `<p class="section">${escapeHtml(title)}</p>\n<ul>\n${links.map((link) => navigationLink(link, here)).join('\n')}\n</ul>`
}

function navigationLink({ title, path, below }: NavigationLink, here: string): string {
  const open = path === here || below.some((page) => page.path === here)
  const list = open && below.length > 0 ? `\n<ul>\n${below.map((page) => item(page, here)).join('\n')}\n</ul>` : ''
  return `${item({ title, path }, here).slice(0, -'</li>'.length)}${list}</li>`
}

function item({ title, path }: { readonly title: string; readonly path: string }, here: string): string {
  const current = path === here ? ' aria-current="page"' : ''
  return `<li><a href="${escapeHtml(relativeLink(here, path))}"${current}>${escapeHtml(title)}</a></li>`
}

function contents({ headings }: SitePage): string {
  const shown = headings.filter(({ level }) => level === 2)
  if (shown.length < CONTENTS_FROM) return ''
  const links = shown.map(({ id, text }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(text)}</a></li>`)
  return `<nav class="contents" aria-label="On this page">\n<p class="section">On this page</p>\n<ul>\n${links.join('\n')}\n</ul>\n</nav>\n`
}
