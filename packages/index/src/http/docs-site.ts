import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { DOCS_SITE_BYTES, DOCS_SITE_FILES } from '../limits.ts'

/** A file of the documentation's site, as it is sent. */
export interface DocsFile {
  readonly bytes: Uint8Array
  readonly contentType: string
  /** With its quotes. */
  readonly etag: string
}

/** What the site is made of; a file of another kind is not served. */
const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.json', 'application/json'],
  ['.svg', 'image/svg+xml'],
])

/**
 * The documentation's site as `npm run docs` builds it. Which files it has is read once, at the start; a request only
 * ever chooses among them, and its words never become part of a path on disk (attacks.md FN-PATH).
 */
export class DocsSite {
  readonly #places: ReadonlyMap<string, string>
  readonly #read = new Map<string, Promise<DocsFile | undefined>>()
  #bytes = 0

  private constructor(places: ReadonlyMap<string, string>) {
    this.#places = places
  }

  /** Lists the site in `folder`. Undefined where none has been built. */
  static async open(folder: string): Promise<DocsSite | undefined> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const files = entries.filter((entry) => entry.isFile() && CONTENT_TYPES.has(extname(entry.name)))
    const places = files.slice(0, DOCS_SITE_FILES).map((entry) => {
      const place = join(entry.parentPath, entry.name)
      return [relative(folder, place).split(sep).join('/'), place] as const
    })
    const site = new Map(places)
    return site.has('index.html') ? new DocsSite(site) : undefined
  }

  /** The path of the site that `path` means: itself, with `.html`, or the index of a folder. */
  resolve(path: string): string | undefined {
    const folder = path === '' || path.endsWith('/') ? `${path}index.html` : `${path}/index.html`
    return [path, `${path}.html`, folder].find((candidate) => this.#places.has(candidate))
  }

  /** The file at a path that `resolve` gave. Undefined when it has gone since the start. */
  async file(path: string): Promise<DocsFile | undefined> {
    const place = this.#places.get(path)
    if (place === undefined) return undefined
    const known = this.#read.get(path)
    if (known !== undefined) return known
    const file = readDocsFile(place)
    this.#read.set(path, file)
    // A failed read is tried again; and what would not fit into memory is read each time.
    const read = await file
    this.#bytes += read?.bytes.length ?? 0
    if (read === undefined || this.#bytes > DOCS_SITE_BYTES) {
      this.#read.delete(path)
      this.#bytes -= read?.bytes.length ?? 0
    }
    return read
  }
}

async function readDocsFile(place: string): Promise<DocsFile | undefined> {
  const bytes = await readFile(place).catch(() => undefined)
  if (bytes === undefined) return undefined
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
  return { bytes, contentType: CONTENT_TYPES.get(extname(place)) ?? 'application/octet-stream', etag }
}
