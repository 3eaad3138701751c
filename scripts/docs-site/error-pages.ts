import { refusalPages } from '../../packages/index/src/http/refusal-catalogue.ts'
import { refusalReason } from '../../packages/index/src/http/refusal-reasons.ts'
import type { SitePage } from './site-page.ts'
import { escapeHtml } from './site-page.ts'

/** A page for each code of the catalogue of refusals, at the address that the refusals themselves give. */
export function errorPages(): readonly SitePage[] {
  return refusalPages().map(({ code, status, title, help }) => ({
    path: `errors/${code}.html`,
    title: code,
    headings: [{ level: 1, id: 'top', text: title }],
    terms: [],
    html: `<p class="kind"><a href="index.html">Refusals</a></p>
<h1 id="top">${escapeHtml(title)}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
${why(refusalReason(code))}<h2 id="what-to-do">What to do</h2>
<p>${escapeHtml(help)}</p>
<h2 id="what-you-see">What you see of it</h2>
<p>The answer says what happened in your case, for example which file or which name. ${
      code.startsWith('upload-')
        ? 'twine, Poetry and flit print the text behind the status; uv prints <code>Server says</code>; PDM shows the body with <code>-vv</code>.'
        : 'pip prints it for files as <code>HTTP error</code>, uv as <code>Server message</code>. For project pages pip only says that it found nothing; <code>-vv</code> shows the text.'
    } Where a name is concerned, <code>waxseal why NAME</code> and <code>/why/NAME</code> explain it.</p>
`,
  }))
}

function why(reason: string | undefined): string {
  return reason === undefined ? '' : `<h2 id="why">Why</h2>\n<p>${escapeHtml(reason)}</p>\n`
}
