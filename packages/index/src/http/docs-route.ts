import type { ServerResponse } from 'node:http'
import { html } from 'hono/html'
import type { DocsFile, DocsSite } from './docs-site.ts'
import { ifNoneMatchHolds } from './entity-tag.ts'
import { errorPage } from './error-page.ts'
import { pageHead } from './page-head.ts'
import type { Exchange } from './exchange.ts'
import { relativeRoot } from './path.ts'
import { refuseRead } from './refuse.ts'
import { DOCS_SECURITY_HEADERS, PAGE_SECURITY_HEADERS } from './security-headers.ts'

type Html = ReturnType<typeof errorPage>

/**
 * The documentation, at `/docs/`: the built site, else the pages of the refusals and one that says how to build it.
 * It tells nothing of this index, so everybody may read it; no credentials are looked at.
 */
export async function serveDocs(site: DocsSite | undefined, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    return refuseRead(res, req, { code: 'method-not-allowed', allow: ['GET', 'HEAD'] })
  }
  const [, ...segments] = path.segments
  const wanted = segments.join('/')
  const found = site?.resolve(wanted)
  // Links in a page are relative to its folder, so a folder's address ends with a slash and a page's does not.
  const folder = wanted === '' || found === `${wanted}/index.html`
  if (folder !== path.trailingSlash && (found !== undefined || wanted === '')) {
    return redirect(res, `${relativeRoot(req.url ?? '/')}docs/${address(segments, folder)}`)
  }
  const file = found === undefined ? undefined : await site?.file(found)
  if (file !== undefined) return sendFile(exchange, file)
  const code = segments.length === 2 && segments[0] === 'errors' ? segments[1] : undefined
  const known = code === undefined ? undefined : errorPage(code)
  if (known !== undefined) return sendPage(res, 200, await known)
  if (site === undefined && wanted === '') return sendPage(res, 200, await notBuiltPage())
  return sendPage(res, 404, await missingPage(relativeRoot(req.url ?? '/')))
}

function address(segments: readonly string[], folder: boolean): string {
  return segments.map(encodeURIComponent).join('/') + (folder && segments.length > 0 ? '/' : '')
}

/** Found, not moved for good: the next version of the site may have a page where a folder was. */
function redirect(res: ServerResponse, location: string): void {
  res.writeHead(302, ['Location', location, 'Content-Length', '0', 'Cache-Control', 'no-cache']).end()
}

function sendFile({ req, res }: Exchange, { bytes, contentType, etag }: DocsFile): void {
  const headers = ['ETag', etag, 'Cache-Control', 'no-cache', ...DOCS_SECURITY_HEADERS]
  const ifNoneMatch = req.headers['if-none-match']
  if (ifNoneMatch !== undefined && ifNoneMatchHolds(ifNoneMatch, etag)) {
    res.writeHead(304, headers).end()
    return
  }
  res.writeHead(200, ['Content-Type', contentType, 'Content-Length', String(bytes.length), ...headers])
  // Node drops the body of an answer to HEAD by itself.
  res.end(bytes)
}

function sendPage(res: ServerResponse, status: number, page: Awaited<Html>): void {
  const body = Buffer.from(String(page))
  const headers = ['Content-Type', 'text/html; charset=utf-8', 'Content-Length', String(body.length)]
  res.writeHead(status, [...headers, 'Cache-Control', 'no-cache', ...PAGE_SECURITY_HEADERS]).end(body)
}

function plainPage(title: string, text: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      ${pageHead(title)}
      <body>
        <main>
          <h1>${title}</h1>
          ${text}
        </main>
      </body>
    </html> `
}

function notBuiltPage(): Html {
  return plainPage(
    'The documentation is not built',
    html`<p>In the checkout that this index runs from, <code>npm run docs</code> builds it; then restart the index.</p>
      <p>The same text is there as Markdown, in the folder <code>docs</code>.</p>`,
  )
}

function missingPage(root: string): Html {
  return plainPage('There is no such page', html`<p><a href="${root}docs/">The documentation</a> begins elsewhere.</p>`)
}
