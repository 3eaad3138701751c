import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { refusalPages } from './refusal-catalogue.ts'
import { refusalReason } from './refusal-reasons.ts'

/** What a refusal's code means and what to do: where the `type` of every problem document points. Undefined: no such code. */
export function errorPage(code: string): HtmlEscapedString | Promise<HtmlEscapedString> | undefined {
  const found = refusalPages().find((page) => page.code === code)
  if (found === undefined) return undefined
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${found.code}</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 46rem;
            margin: 2rem auto;
            padding: 0 1rem;
          }
        </style>
      </head>
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
