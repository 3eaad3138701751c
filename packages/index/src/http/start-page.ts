import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { unaskedReason } from '../releases/unasked.ts'
import type { Unasked } from '../releases/unasked.ts'

/** What a person sees who opens the index in a browser: how to point a client at it. */
export function startPage(
  origin: string,
  version: string,
  modes: readonly Unasked[],
): HtmlEscapedString | Promise<HtmlEscapedString> {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Waxseal</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 56rem;
            margin: 2rem auto;
            padding: 0 1rem;
            color: #1a1a1a;
            background: #fff;
          }
          pre {
            background: #f3f3f3;
            padding: 0.8rem 1rem;
            overflow-x: auto;
          }
          h1 {
            font-size: 1.6rem;
          }
        </style>
      </head>
      <body>
        <main>
          <h1>Waxseal ${version}</h1>
          ${modes.map((mode) => html`<p><strong>${unaskedReason(mode)}</strong></p>`)}
          <p>A Python package index that answers for every name exactly once. Install from it:</p>
          <pre>
pip install --index-url ${origin}/simple/ NAME
uv pip install --default-index ${origin}/simple/ NAME</pre>
          <p>Upload to it, with an API token as the password:</p>
          <pre>twine upload --repository-url ${origin}/legacy/ -u __token__ dist/*</pre>
          <p>
            <a href="simple/">All projects</a>. Why a project is answered as it is: <code>${origin}/why/NAME</code>.
            Management: <a href="api/v1/openapi.json">OpenAPI</a>. <a href="docs/">Documentation</a>.
          </p>
        </main>
      </body>
    </html> `
}
