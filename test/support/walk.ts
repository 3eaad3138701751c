import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { MAIN } from './command.ts'

export interface Step {
  readonly section: string
  readonly command: string
  /** The lines that the page shows; none: they are not compared. `…` stands for any number of lines. */
  readonly shown: readonly string[]
}

export interface Walk {
  /** Of the shell; `waxseal` is put before its PATH. */
  readonly env: (folder: string) => NodeJS.ProcessEnv | Promise<NodeJS.ProcessEnv>
  /** Before a step is run. */
  readonly before?: (step: Step) => void | Promise<void>
  /** After a step that went as the page shows; `where` begins a message about it. */
  readonly after?: (step: Step, said: readonly string[], where: string) => void | Promise<void>
}

/** The commands of a page, or of its part that begins with `## heading`, in their order. */
export function stepsOf(page: string, heading?: string): readonly Step[] {
  const steps: { section: string; command: string; shown: string[] }[] = []
  let section = heading ?? ''
  let inBlock = false
  for (const line of (heading === undefined ? page : partOf(page, heading)).split('\n')) {
    if (line.startsWith('```')) inBlock = line === '```console'
    else if (inBlock && line.startsWith('$ ')) steps.push({ section, command: line.slice(2), shown: [] })
    else if (inBlock) steps.at(-1)?.shown.push(line)
    else section = /^##+ (.*)$/.exec(line)?.[1] ?? section
  }
  return steps
}

function partOf(page: string, heading: string): string {
  const start = page.indexOf(`\n## ${heading}\n`)
  assert.notEqual(start, -1)
  const part = page.slice(start + 4)
  const end = part.indexOf('\n## ')
  return end === -1 ? part : part.slice(0, end)
}

/** Ids, digests and times are others each time. */
function masked(line: string): string {
  return line
    .replaceAll(/\b[\da-f]{64}\b/g, '<id>')
    .replaceAll(/\b[\da-f]{8}\b/g, '<short id>')
    .replaceAll(/\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{3})?Z)?/g, '<time>')
}

function isShown(shown: readonly string[], said: readonly string[]): boolean {
  const [first, ...rest] = shown
  if (first === undefined) return said.length === 0
  if (first === '…') return said.some((_, at) => isShown(rest, said.slice(at))) || rest.length === 0
  return said[0] !== undefined && masked(first) === masked(said[0]) && isShown(rest, said.slice(1))
}

/** One shell for all of them: each says when it is over and how, and waits for a line before the next. */
function scriptOf(steps: readonly Step[]): string {
  const runs = steps.map(({ command }, at) => `read -r _ <&3 || exit 1\n${command}\nprintf '\\036%s %s\\n' ${at} "$?"`)
  return ['exec 3<&0 </dev/null 2>&1', ...runs, ''].join('\n')
}

/** Runs the steps word for word in one shell, in an empty folder; servers that they leave are told by `ready.json`, and ended. */
export async function walk(steps: readonly Step[], { env: envOf, before, after }: Walk): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-walk-'))
  const [bin, cwd] = [join(folder.path, 'bin'), join(folder.path, 'scratch')]
  for (const each of [bin, cwd]) await mkdir(each)
  await writeFile(join(bin, 'waxseal'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, { mode: 0o755 })
  await writeFile(join(folder.path, 'script'), scriptOf(steps))
  const env = await envOf(folder.path)
  const shell = spawn('bash', [join(folder.path, 'script')], {
    cwd,
    env: { ...env, PATH: `${bin}${delimiter}${env['PATH']}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const closed = once(shell, 'close')
  await using parts = new AsyncDisposableStack()
  parts.defer(async () => {
    // A failure leaves the server of the walk: its shell ends with its input, and the server with it.
    shell.stdin.end()
    const ready = await readFile(join(cwd, 'ready.json'), 'utf8').catch(() => '')
    if (ready !== '') process.kill((JSON.parse(ready) as { readonly pid: number }).pid)
    await closed
  })
  const next = async (at: number): Promise<void> => {
    const step = steps[at]
    if (step !== undefined) await before?.(step)
    if (step !== undefined) shell.stdin.write('\n')
  }
  let said: string[] = []
  let at = 0
  await next(at)
  for await (const line of createInterface({ input: shell.stdout })) {
    const over = /^\u001e(\d+) (\d+)$/.exec(line)
    if (over === null) {
      said.push(line)
      continue
    }
    const step = steps[at]
    assert.ok(step !== undefined && Number(over[1]) === at)
    const where = `${step.section}: $ ${step.command}\n${said.join('\n')}`
    assert.equal(over[2], '0', where)
    if (step.shown.length > 0)
      assert.ok(isShown(step.shown, said), `the page shows:\n${step.shown.join('\n')}\n\n${where}`)
    await after?.(step, said, where)
    said = []
    at += 1
    await next(at)
  }
  await closed
  assert.equal(at, steps.length, said.join('\n'))
}
