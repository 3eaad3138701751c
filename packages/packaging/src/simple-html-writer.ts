import { normalizeProjectName } from './project-name.ts'
import { sortProjects } from './simple-json-writer.ts'
import type { PrivateKeys, SimpleFile, SimpleProjectList, SimpleProjectPage } from './simple-page.ts'

/**
 * The HTML of a page: a pure function of its JSON, of what `parseSimpleJson` makes of the written bytes. Frozen at version 1.4
 * (PEP 833), in the shape of Warehouse's page (behaviour.md 2.1). Says less than the JSON: no sizes, times or versions. What does
 * not apply is left out, never "false": pip takes any value for "exists" (standards.md 2.6). `_last-serial` of `meta` is the
 * last line, for mirrors.
 */
export function renderSimpleHtml(page: SimpleProjectPage): string {
  const title = `Links for ${escapeHtml(page.name)}`
  const reason = page.status?.reason
  return [
    '<!DOCTYPE html>',
    '<html>',
    '  <head>',
    '    <meta name="pypi:repository-version" content="1.4">',
    `    <meta name="pypi:project-status" content="${escapeHtml(page.status?.status ?? 'active')}">`,
    ...(reason === undefined ? [] : [`    <meta name="pypi:project-status-reason" content="${escapeHtml(reason)}">`]),
    `    <title>${title}</title>`,
    '  </head>',
    '  <body>',
    `    <h1>${title}</h1>`,
    ...page.files.map(anchor),
    '  </body>',
    '</html>',
    ...serialLine(page.meta),
  ].join('\n')
}

/** The HTML of the list of projects (PEP 503). Links are relative, so that the page stands under any path. */
export function renderProjectListHtml(list: SimpleProjectList): string {
  return [
    '<!DOCTYPE html>',
    '<html>',
    '  <head>',
    '    <meta name="pypi:repository-version" content="1.4">',
    '    <title>Simple index</title>',
    '  </head>',
    '  <body>',
    ...sortProjects(list).map(
      ({ name }) => `    <a href="${escapeHtml(normalizeProjectName(name))}/">${escapeHtml(name)}</a><br />`,
    ),
    '  </body>',
    '</html>',
    ...serialLine(list.meta),
  ].join('\n')
}

function anchor(file: SimpleFile): string {
  const attributes = [attribute('href', file.sha256 === undefined ? file.url : `${file.url}#sha256=${file.sha256}`)]
  if (file.requiresPython !== undefined) attributes.push(attribute('data-requires-python', file.requiresPython))
  if (file.yanked !== false) attributes.push(attribute('data-yanked', file.yanked === true ? '' : file.yanked))
  if (file.coreMetadata !== undefined) {
    const value = file.coreMetadata === true ? 'true' : `sha256=${file.coreMetadata.sha256}`
    attributes.push(attribute('data-dist-info-metadata', value), attribute('data-core-metadata', value))
  }
  if (file.provenance !== undefined) attributes.push(attribute('data-provenance', file.provenance))
  return `<a ${attributes.join(' ')}>${escapeHtml(file.filename)}</a><br />`
}

function attribute(name: string, value: string): string {
  return `${name}="${escapeHtml(value)}"`
}

function serialLine(meta: PrivateKeys | undefined): readonly string[] {
  const serial = meta?.['_last-serial']
  return typeof serial === 'number' && Number.isSafeInteger(serial) && serial >= 0 ? [`<!--SERIAL ${serial}-->`] : []
}

/** For text and for attributes in either quotes (attacks.md API-HTML). Line ends too: some readers go by lines. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"'\r\n\0]/g, (char) => ESCAPES.get(char) ?? '')
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
  ['\r', '&#13;'],
  ['\n', '&#10;'],
])
