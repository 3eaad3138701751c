import { Token } from 'parse5'
import { HtmlTags } from './html-tags.ts'
import { NameCounter } from './project-list-reader.ts'
import type { ProjectListReader } from './project-list-reader.ts'
import { checkApiVersion, invalid } from './simple-page-builder.ts'

/** A list in HTML (PEP 503): an entry is any `<a href>` that ends with a slash, its name the last segment before. */
export class HtmlProjectList implements ProjectListReader {
  readonly #utf8 = new TextDecoder('utf-8')
  readonly #counter = new NameCounter()
  readonly #tags = new HtmlTags((tag) => this.#read(tag))
  #names: string[] = []
  #found = false
  #version: string | null = null

  push(piece: Uint8Array): readonly string[] {
    this.#names = []
    this.#tags.write(this.#utf8.decode(piece, { stream: true }), false)
    return this.#names
  }

  end(): void {
    checkApiVersion(this.#version)
    // A portal's or proxy's error page, 200 and text/html, must not pass for an index that lost all its projects.
    if (!this.#found && this.#version === null) throw invalid('it lists no project and does not say that it is a list')
  }

  #read(tag: Token.TagToken): void {
    if (tag.tagName === 'meta' && Token.getTokenAttr(tag, 'name')?.toLowerCase() === 'pypi:repository-version') {
      this.#version ??= Token.getTokenAttr(tag, 'content')
    }
    const href = tag.tagName === 'a' ? Token.getTokenAttr(tag, 'href') : null
    const name = href === null ? undefined : lastSegment(href)
    if (name === undefined) return
    const before = this.#names.length
    this.#counter.add(name, this.#names)
    this.#found ||= this.#names.length > before
  }
}

function lastSegment(href: string): string | undefined {
  const path = href.trim().replace(/[?#].*$/s, '')
  if (!path.endsWith('/')) return undefined
  const segment = path.slice(path.lastIndexOf('/', path.length - 2) + 1, -1)
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
