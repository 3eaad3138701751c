import { createProgram } from '../../packages/waxseal/src/program.ts'
import { codeBlock } from './code-block.ts'
import { renderMarkdown } from './render-markdown.ts'
import type { SitePage } from './site-page.ts'
import { escapeHtml } from './site-page.ts'

type Command = Awaited<ReturnType<typeof createProgram>>

const PROGRAM = await createProgram()

/** A command that does something, with the words that call it. */
interface Leaf {
  readonly words: string
  readonly command: Command
}

/** Where the page of `waxseal token create` lies. */
export function commandPath(words: string): string {
  return `commands/${words.replace(/^waxseal /, '').replaceAll(' ', '-')}.html`
}

/**
 * A page for each command, from the command itself: its help as it prints it, and what `docs/commands.md` says about
 * it under the heading of its name. The first page is the list of all.
 */
export function commandPages(
  document: string,
  link: (from: string) => (target: string) => string,
): readonly SitePage[] {
  const commands = leaves(PROGRAM, '')
  const list = listPage(document, commands, link('commands/index.html'))
  return [list, ...commands.map((leaf) => commandPage(leaf, document, link(commandPath(leaf.words))))]
}

function leaves(command: Command, before: string): readonly Leaf[] {
  const words = `${before}${command.name()}`
  const children = command.commands.filter((child) => child.name() !== 'help')
  return children.length === 0 ? [{ words, command }] : children.flatMap((child) => leaves(child, `${words} `))
}

/** What stands before the first command, with the list of commands behind it. */
function listPage(document: string, commands: readonly Leaf[], link: (target: string) => string): SitePage {
  const rows = commands.map(
    ({ words, command }) =>
      `| [${words}](#${words.replaceAll(' ', '-')}) | ${command.description().replaceAll('|', '\\|')} |`,
  )
  const general = document.slice(0, document.indexOf('\n## '))
  const text = `${general}\n## All commands\n\n| command | what it does |\n|---|---|\n${rows.join('\n')}\n`
  return { path: 'commands/index.html', title: 'Commands', ...renderMarkdown(text, link) }
}

function commandPage({ words, command }: Leaf, document: string, link: (target: string) => string): SitePage {
  const told = renderMarkdown(section(document, words), link)
  const heading = `<p class="kind"><a href="index.html">Commands</a></p>\n<h1 id="top">${escapeHtml(words)}</h1>\n`
  const summary = `<p class="lead">${escapeHtml(sentence(command.description()))}</p>\n`
  const help = `<h2 id="help">What <code>--help</code> prints</h2>\n${codeBlock('', helpOf(command, words))}`
  const exit = `<h2 id="exit-codes">Exit codes</h2>
<p>0 done; 1 refused or not verified; 2 wrong use or configuration; 3 the environment failed (disk, network, database).
<a href="index.html">What holds for all commands</a>.</p>
`
  return {
    path: commandPath(words),
    title: words,
    headings: [{ level: 1, id: 'top', text: words }, ...told.headings],
    terms: [],
    html: `${heading}${summary}${told.html}${help}${exit}`,
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}

/** What fits into the column of text. */
const HELP_WIDTH = 80

/** The help as on a terminal of that width, whatever the terminal of whoever builds the site is. */
function helpOf(command: Command, words: string): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => HELP_WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  if (!text.includes('Usage:')) throw new Error(`${words} has no help`)
  return text.trim()
}

function section(document: string, words: string): string {
  const start = `\n${document}`.indexOf(`\n## ${words}\n`)
  if (start === -1) return ''
  const body = document.slice(start + words.length + 4)
  const end = body.indexOf('\n## ')
  return end === -1 ? body : body.slice(0, end)
}
