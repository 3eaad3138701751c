import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

/** The head of the pages that are made for a request: light or dark as the browser asks, in the documentation's colours. */
export function pageHead(title: string): HtmlEscapedString | Promise<HtmlEscapedString> {
  return html`<head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <style>
      :root {
        color-scheme: light dark;
        --text: light-dark(#24211e, #e4dfd8);
        --ground: light-dark(#fff, #181614);
        --raised: light-dark(#f6f4f1, #221f1c);
        --line: light-dark(#e2ddd6, #38332e);
        --wax: light-dark(#9b2226, #f08a7e);
      }
      html {
        font:
          16px/1.5 system-ui,
          sans-serif;
        color: var(--text);
        background: var(--ground);
        text-size-adjust: 100%;
      }
      body {
        max-width: 60rem;
        margin: 2rem auto;
        padding: 0 1rem;
      }
      h1 {
        font-size: 1.6rem;
        overflow-wrap: anywhere;
      }
      h2 {
        font-size: 1.15rem;
        margin-top: 2rem;
      }
      a {
        color: var(--wax);
      }
      pre,
      code {
        font-family: ui-monospace, monospace;
        font-size: 0.9rem;
        overflow-wrap: anywhere;
      }
      pre {
        background: var(--raised);
        border: 1px solid var(--line);
        border-radius: 6px;
        padding: 0.8rem 1rem;
        white-space: pre-wrap;
      }
      table {
        border-collapse: collapse;
        width: 100%;
        font-size: 0.9rem;
      }
      th,
      td {
        text-align: left;
        padding: 0.35rem 0.6rem;
        border-bottom: 1px solid var(--line);
        vertical-align: top;
      }
      th[scope='row'] {
        width: 12rem;
      }
      .scroll {
        overflow-x: auto;
      }
      td code {
        display: inline-block;
        min-width: 14rem;
      }
      td code.short {
        min-width: 0;
        white-space: nowrap;
      }
      time {
        white-space: nowrap;
      }
    </style>
  </head>`
}
