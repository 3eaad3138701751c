import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Explanation } from '../releases/read-project.ts'
import { pageHead } from './page-head.ts'

type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** The explanation of a name as a page; every value from outside passes the escaping tag (attacks.md API-HTML). */
export function whyPage(explanation: Explanation, version: string | undefined): Html {
  const title = version === undefined ? explanation.project : `${explanation.project} ${version}`
  return html`<!doctype html>
    <html lang="en">
      ${pageHead(`Why ${title}?`)}
      <body>
        <main>
          <h1>${title}</h1>
          <p>${explanation.sentence}</p>
          ${explanation.next === null ? '' : html`<p><strong>What to do:</strong> ${explanation.next}</p>`}
          <table>
            <tr>
              <th scope="row">Authority</th>
              <td>${explanation.authority}</td>
            </tr>
            <tr>
              <th scope="row">Rule</th>
              <td>${ruleText(explanation)}</td>
            </tr>
            ${
              explanation.decision === null
                ? ''
                : html`<tr>
                    <th scope="row">Decided by</th>
                    <td>${decisionText(explanation.decision)}</td>
                  </tr>`
            }
            <tr>
              <th scope="row">Newest that is allowed</th>
              <td>${explanation.newest ?? 'none'}</td>
            </tr>
            <tr>
              <th scope="row">Sealed</th>
              <td>${sealText(explanation.sealed)}</td>
            </tr>
            <tr>
              <th scope="row">Answered from</th>
              <td>${sourceText(explanation.source)}</td>
            </tr>
            <tr>
              <th scope="row">Status</th>
              <td>${statusText(explanation)}</td>
            </tr>
            ${
              explanation.upstreamCheckedAt === null
                ? ''
                : html`<tr>
                    <th scope="row">The upstream last answered</th>
                    <td>${explanation.upstreamCheckedAt}</td>
                  </tr>`
            }
            <tr>
              <th scope="row">Snapshot</th>
              <td>${explanation.snapshot ?? 'never published'}</td>
            </tr>
          </table>
          ${offeredSection(explanation)} ${withheldSection(explanation)} ${denialsSection(explanation)}
          ${decisionsSection(explanation.decisions)} ${eventsSection(explanation.events)}
        </main>
      </body>
    </html> `
}

/** Named where the sentence above is not of it already. */
function ruleText({ rule, sentence }: Explanation): string {
  const name = rule.of === null ? rule.kind : `${rule.kind} ${rule.of}`
  return rule.sentence === sentence ? name : `${name}: ${rule.sentence}`
}

function decisionText({ by, since, reason }: NonNullable<Explanation['decision']>): string {
  return `${by}${since === null ? '' : `, ${since}`}${reason === null ? '' : `: ${reason}`}`
}

function sealText(sealed: Explanation['sealed']): string {
  return sealed === null ? 'no' : `by ${sealed.role}, revision ${sealed.rev}, ${sealed.by}, ${sealed.since}`
}

function denialsSection({ denials, openings }: Explanation): Html {
  if (denials.length === 0 && openings.length === 0) return html``
  return html`<h2>Denied</h2>
    <ul>
      ${denials.map(
        ({ n, overlay, version, sha256, since, until, by, reason, waits }) =>
          html`<li>
            Denial ${n}: ${sha256 === null ? (version ?? 'the whole name') : html`<code>${sha256}</code>`} is ${overlay}
            since <time>${since}</time>${until === null ? '' : html` until <time>${until}</time>`}, by ${by}:
            ${reason}${waits ? ' (to be lifted: waits for the holders of the seal)' : ''}
          </li>`,
      )}
      ${openings
        .filter(({ kind }) => kind === 'merge')
        .map(
          ({ askedAt, askedBy }) =>
            html`<li>A merge waits for the holders of the seal since <time>${askedAt}</time>, by ${askedBy}.</li>`,
        )}
    </ul>`
}

function sourceText(source: string | null): string {
  if (source === null) return 'nowhere'
  return source === LOCAL_SOURCE ? 'this index' : `the upstream ${source}`
}

function statusText({ status, statusReason }: Explanation): string {
  return statusReason === null ? status : `${status}: ${statusReason}`
}

function offeredSection({ offered: files, offeredCount }: Explanation): Html {
  if (files.length === 0)
    return html`<h2>Offered</h2>
      <p>Nothing.</p>`
  return html`<h2>Offered: ${countText(offeredCount)}</h2>
    ${partText(files, offeredCount)}
    <div class="scroll" role="region" aria-label="Offered" tabindex="0">
      <table>
        <tr>
          <th>File</th>
          <th>sha256</th>
          <th>Uploaded</th>
          <th>Yanked</th>
          <th>Kept here</th>
        </tr>
        ${files.map(
          (file) =>
            html`<tr>
              <td><code>${file.filename}</code></td>
              <td><code class="short" title="${file.sha256 ?? ''}">${(file.sha256 ?? '').slice(0, 12)}</code></td>
              <td><time>${file.uploadTime}</time>${file.uploadTimeSource === 'first-seen' ? ' (first seen)' : ''}</td>
              <td>${file.yanked ? (file.yankedReason ?? 'yes') : ''}</td>
              <td>${file.stored ? 'yes' : 'at first download'}</td>
            </tr>`,
        )}
      </table>
    </div>`
}

function withheldSection({ withheld: files, withheldCount }: Explanation): Html {
  if (files.length === 0) return html``
  return html`<h2>Withheld: ${countText(withheldCount)}</h2>
    ${partText(files, withheldCount)}
    <div class="scroll" role="region" aria-label="Withheld" tabindex="0">
      <table>
        <tr>
          <th>File</th>
          <th>Source</th>
          <th>Code</th>
          <th>Since</th>
          <th>Reason</th>
        </tr>
        ${files.map(
          (file) =>
            html`<tr>
              <td><code>${file.filename}</code></td>
              <td>${file.source}</td>
              <td><code class="short">${file.code}</code></td>
              <td><time>${file.since ?? ''}</time></td>
              <td>${file.reason}</td>
            </tr>`,
        )}
      </table>
    </div>`
}

function countText(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`
}

/** Says so when only some of the files are listed. */
function partText(shown: readonly unknown[], count: number): Html {
  if (shown.length === count) return html``
  return html`<p>The newest ${shown.length} of them are listed; add a version to the address to see its files.</p>`
}

function decisionsSection(decisions: Explanation['decisions']): Html {
  if (decisions.length === 0)
    return html`<h2>Decisions</h2>
      <p>None yet.</p>`
  return html`<h2>Decisions</h2>
    <div class="scroll" role="region" aria-label="Decisions" tabindex="0">
      <table>
        <tr>
          <th>No.</th>
          <th>When</th>
          <th>Who</th>
          <th>What</th>
        </tr>
        ${decisions.map(
          (decision) =>
            html`<tr>
              <td>${decision.rev}</td>
              <td><time>${decision.at}</time></td>
              <td>${decision.actor}</td>
              <td>${decision.sentence}</td>
            </tr>`,
        )}
      </table>
    </div>`
}

function eventsSection(events: Explanation['events']): Html {
  if (events.length === 0) return html``
  return html`<h2>Events</h2>
    <div class="scroll" role="region" aria-label="Events" tabindex="0">
      <table>
        <tr>
          <th>When</th>
          <th>What</th>
          <th>Detail</th>
        </tr>
        ${events.map(
          (event) =>
            html`<tr>
              <td><time>${event.at}</time></td>
              <td>${event.kind}</td>
              <td><code>${JSON.stringify(event.detail)}</code></td>
            </tr>`,
        )}
      </table>
    </div>`
}
