import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { pageHead } from './page-head.ts'
import { refusalPages } from './refusal-catalogue.ts'
import { refusalReason } from './refusal-reasons.ts'

/** What a refusal's code means and what to do: where the `type` of every problem document points. Undefined: no such code. */
export function errorPage(code: string): HtmlEscapedString | Promise<HtmlEscapedString> | undefined {
  const found = refusalPages().find((page) => page.code === code)
  if (found === undefined) return undefined
  return html`<!doctype html>
    <html lang="en">
      ${pageHead(found.code)}
      <body>
        <main>
          <h1>${found.title}</h1>
          <p>${refusalReason(found.code) ?? ''}</p>
          <p>${found.help}</p>
          <p>Code <code>${found.code}</code>, HTTP status ${found.status}.</p>
        </main>
      </body>
    </html> `
}
