import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { DOCS_SITE_BYTES, DOCS_SITE_FILES } from '../limits.ts'
import type { OwnFolder } from '../own-files.ts'

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
  readonly #folder: OwnFolder
  readonly #places: ReadonlySet<string>
  readonly #read = new Map<string, Promise<DocsFile | undefined>>()
  #bytes = 0

  private constructor(folder: OwnFolder, places: ReadonlySet<string>) {
    this.#folder = folder
    this.#places = places
  }

  /** Lists the site in `folder`. Undefined where none has been built. */
  static async open(folder: OwnFolder): Promise<DocsSite | undefined> {
    const files = (await folder.list()).filter((path) => CONTENT_TYPES.has(extname(path)))
    const places = new Set(files.slice(0, DOCS_SITE_FILES))
    return places.has('index.html') ? new DocsSite(folder, places) : undefined
  }

  /** The path of the site that `path` means: itself, with `.html`, or the index of a folder. */
  resolve(path: string): string | undefined {
    const folder = path === '' || path.endsWith('/') ? `${path}index.html` : `${path}/index.html`
    return [path, `${path}.html`, folder].find((candidate) => this.#places.has(candidate))
  }

  /** The file at a path that `resolve` gave. Undefined when it has gone since the start. */
  async file(path: string): Promise<DocsFile | undefined> {
    if (!this.#places.has(path)) return undefined
    const known = this.#read.get(path)
    if (known !== undefined) return known
    const file = readDocsFile(this.#folder, path)
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

async function readDocsFile(folder: OwnFolder, path: string): Promise<DocsFile | undefined> {
  const bytes = await folder.read(path).catch(() => undefined)
  if (bytes === undefined) return undefined
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
  return { bytes, contentType: CONTENT_TYPES.get(extname(path)) ?? 'application/octet-stream', etag }
}
