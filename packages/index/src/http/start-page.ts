import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { unaskedReason } from '../releases/unasked.ts'
import type { Unasked } from '../releases/unasked.ts'
import { pageHead } from './page-head.ts'

/** What a person sees who opens the index in a browser: how to point a client at it. */
export function startPage(
  origin: string,
  version: string,
  modes: readonly Unasked[],
): HtmlEscapedString | Promise<HtmlEscapedString> {
  return html`<!doctype html>
    <html lang="en">
      ${pageHead('Waxseal')}
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
            Poetry, PDM, pipenv, Docker and CI, and what to set up for good:
            <a href="docs/clients.html">clients</a>. Why a name is answered as it is: <code>${origin}/why/NAME</code>.
          </p>
          <p>
            <a href="simple/">All projects</a> · <a href="docs/">Documentation</a> ·
            <a href="api/v1/openapi.json">Management API</a> (OpenAPI)
          </p>
        </main>
      </body>
    </html> `
}
