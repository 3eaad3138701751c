import MarkdownIt from 'markdown-it'
import type { Token } from 'markdown-it'
import { Anchors } from './anchors.ts'
import { codeBlock } from './code-block.ts'
import type { Heading } from './site-page.ts'
import { escapeHtml } from './site-page.ts'

export interface Rendered {
  readonly html: string
  readonly headings: readonly Heading[]
  readonly terms: readonly Heading[]
}

/** Our documents are Markdown without HTML; what looks like HTML in them is text. */
const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false })

markdown.renderer.rules['fence'] = (tokens, index) => {
  const token = tokens[index]
  return codeBlock(token?.info.trim().split(/\s/)[0] ?? '', token?.content ?? '')
}
markdown.renderer.rules['code_block'] = (tokens, index) => codeBlock('', tokens[index]?.content ?? '')
// A wide table is scrolled inside its own box, by keyboard too; the page never is.
markdown.renderer.rules['table_open'] = () => '<div class="table" tabindex="0"><table>\n'
markdown.renderer.rules['table_close'] = () => '</table></div>\n'

/** Renders one document. `link` turns the target of a link into what stands in the site. */
export function renderMarkdown(text: string, link: (target: string) => string): Rendered {
  const tokens = markdown.parse(text.replaceAll(/<!--.*?-->\n*/gs, ''), {})
  const anchors = new Anchors()
  const headings: Heading[] = []
  const terms: Heading[] = []
  let section = ''
  for (const [index, token] of tokens.entries()) {
    for (const child of token.children ?? []) {
      const target = child.type === 'link_open' ? child.attrGet('href') : null
      if (target !== null) child.attrSet('href', link(String(target)))
    }
    if (token.type === 'heading_open') {
      const words = plainText(tokens[index + 1])
      section = anchors.next(words)
      token.attrSet('id', section)
      headings.push({ level: Number(token.tag.slice(1)), id: section, text: words })
    }
    // A key that a table explains can be linked to: `configuration.html#top-level-data`.
    const key = token.type === 'tr_open' ? keyOfRow(tokens, index) : undefined
    if (key !== undefined) {
      const id = anchors.next(`${section}-${key}`)
      token.attrSet('id', id)
      terms.push({ level: 6, id, text: key })
    }
    if (token.type === 'th_open') token.attrSet('scope', 'col')
  }
  return { html: markdown.renderer.render(withAnchorLinks(tokens), markdown.options, {}), headings, terms }
}

function plainText(token: Token | undefined): string {
  return (token?.children ?? []).map((child) => child.content).join('')
}

/** The key in a row's first cell, when the cell is nothing but one word of code. */
function keyOfRow(tokens: readonly Token[], index: number): string | undefined {
  const children = tokens[index + 1]?.type === 'td_open' ? (tokens[index + 2]?.children ?? []) : []
  const [only] = children
  return children.length === 1 && only?.type === 'code_inline' && /^[a-z][\w.-]*$/i.test(only.content)
    ? only.content
    : undefined
}

/** Behind each heading its own address, for people who want to point others to it. */
function withAnchorLinks(tokens: Token[]): Token[] {
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open' || token.tag === 'h1') continue
    const content = tokens[index + 1]
    const words = plainText(content)
    const mark = new (token.constructor as new (type: string, tag: string, nesting: 0) => Token)('html_inline', '', 0)
    mark.content = ` <a class="anchor" href="#${escapeHtml(String(token.attrGet('id') ?? ''))}" aria-label="Link to “${escapeHtml(words)}”">#</a>`
    content?.children?.push(mark)
  }
  return tokens
}
