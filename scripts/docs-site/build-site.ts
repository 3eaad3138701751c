import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { collectPages } from './collect-pages.ts'
import { framed } from './frame.ts'
import type { SitePage } from './site-page.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What the pages load, as it is. */
const ASSETS = ['style.css', 'search.js', 'seal.svg']

/** Builds the whole site into `folder`, which is replaced when all of it is there. Returns the paths of its pages. */
export function buildSite(folder: string): readonly string[] {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/waxseal/package.json'), 'utf8')) as {
    version: string
  }
  const { pages, navigation } = collectPages(ROOT)
  const fresh = `${folder}.${process.pid}.new`
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(fresh, path)), { recursive: true })
    writeFileSync(join(fresh, path), content)
  }
  try {
    for (const page of pages) write(page.path, framed(page, { version, navigation }))
    write('search.json', JSON.stringify(searchEntries(pages)))
    for (const asset of ASSETS) cpSync(join(import.meta.dirname, asset), join(fresh, asset))
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return pages.map(({ path }) => path)
}

/** What the search looks through: titles, headings and keys, each with its address. */
function searchEntries(pages: readonly SitePage[]): readonly (readonly [string, string, string])[] {
  return pages.flatMap(({ path, title, headings, terms }) => {
    const error = path.startsWith('errors/') && path !== 'errors/index.html'
    const inner = path === 'errors/index.html' ? [] : [...headings, ...terms]
    return [
      [title, error ? (headings[0]?.text ?? '') : '', path] as const,
      ...inner.filter(({ level }) => level > 1).map(({ id, text }) => [text, title, `${path}#${id}`] as const),
    ]
  })
}
