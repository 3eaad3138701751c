import { escapeHtml } from './site-page.ts'

/** Languages whose comments begin with `#`; in ini files with `;` too. */
const HASH_COMMENTS = new Set(['toml', 'ini', 'nginx', 'yaml', 'sh', 'dockerfile', 'caddy'])

/**
 * A fenced block as HTML. No grammar is coloured: prompts step back (and are not selected with the command), commands
 * stand out from what they print, comments are muted.
 */
export function codeBlock(language: string, content: string): string {
  const lines = content.replace(/\n$/, '').split('\n')
  const body = lines.map((line) => codeLine(language, line)).join('\n')
  // A block that is too wide is scrolled, by keyboard too.
  return `<pre tabindex="0"><code${language === '' ? '' : ` class="language-${escapeHtml(language)}"`}>${body}</code></pre>\n`
}

function codeLine(language: string, line: string): string {
  if (language === 'console') {
    const prompt = /^([$#] )(.*)$/.exec(line)
    if (prompt === null) return `<span class="printed">${escapeHtml(line)}</span>`
    return `<span class="prompt">${prompt[1] ?? ''}</span>${commented(prompt[2] ?? '')}`
  }
  return HASH_COMMENTS.has(language) ? commented(line) : escapeHtml(line)
}

/** A comment begins at the start of a line or behind white space, so that `#sha256=` in an address is none. */
function commented(line: string): string {
  const at = /(?:^|\s)[#;] /.exec(line)?.index
  if (at === undefined) return escapeHtml(line)
  return `${escapeHtml(line.slice(0, at))}<span class="comment">${escapeHtml(line.slice(at))}</span>`
}
