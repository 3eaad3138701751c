import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { cleanEnvironment, MAIN } from '../support/command.ts'
import { Followers } from './followers.ts'

const PAGE = 'simple/acme-hello/index.json'
const URL_OF_INDEX = 'http://127.0.0.1:8432'

interface Step {
  readonly section: string
  readonly command: string
  /** The lines that the page shows; none: they are not compared. `…` stands for any number of lines. */
  readonly shown: readonly string[]
}

/** The commands of a page's part that begins with `## heading`, in their order. */
function stepsOf(page: string, heading: string): readonly Step[] {
  const start = page.indexOf(`\n## ${heading}\n`)
  assert.notEqual(start, -1)
  const part = page.slice(start + 4)
  const end = part.indexOf('\n## ')
  const steps: { section: string; command: string; shown: string[] }[] = []
  let section = heading
  let inBlock = false
  for (const line of (end === -1 ? part : part.slice(0, end)).split('\n')) {
    if (line.startsWith('```')) inBlock = line === '```console'
    else if (inBlock && line.startsWith('$ ')) steps.push({ section, command: line.slice(2), shown: [] })
    else if (inBlock) steps.at(-1)?.shown.push(line)
    else if (line.startsWith('### ')) section = line.slice(4)
  }
  return steps
}

/** Ids, digests and times are others each time. */
function masked(line: string): string {
  return line
    .replaceAll(/\b[\da-f]{64}\b/g, '<id>')
    .replaceAll(/\b[\da-f]{8}\b/g, '<short id>')
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, '<time>')
}

function isShown(shown: readonly string[], said: readonly string[]): boolean {
  const [first, ...rest] = shown
  if (first === undefined) return said.length === 0
  if (first === '…') return said.some((_, at) => isShown(rest, said.slice(at))) || rest.length === 0
  return said[0] !== undefined && masked(first) === masked(said[0]) && isShown(rest, said.slice(1))
}

/** One shell for all of them: each says when it is over and how, and waits for a line before the next. */
function scriptOf(steps: readonly Step[]): string {
  const runs = steps.map(({ command }, at) => `${command}\nprintf '\\036%s %s\\n' ${at} "$?"\nread -r _ <&3 || exit 1`)
  return ['exec 3<&0 </dev/null 2>&1', ...runs, ''].join('\n')
}

void test('the runbook of docs/keys.md, word for word in one shell, and clients follow it', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/keys.md'), 'utf8')
  const steps = stepsOf(page, 'Runbook')
  assert.ok(steps.length > 50, `${steps.length} commands`)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-runbook-'))
  const [bin, cwd] = [join(folder.path, 'bin'), join(folder.path, 'scratch')]
  for (const each of [bin, cwd]) await mkdir(each)
  await writeFile(join(bin, 'waxseal'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, { mode: 0o755 })
  await writeFile(join(folder.path, 'script'), scriptOf(steps))
  const env = { ...cleanEnvironment(), PATH: `${bin}${delimiter}${process.env['PATH']}` }
  const shell = spawn('bash', [join(folder.path, 'script')], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(shell, 'close')
  await using parts = new AsyncDisposableStack()
  parts.defer(async () => {
    // A failure leaves the server of the walk: its shell ends with its input, and the server with it.
    shell.stdin.end()
    const ready = await readFile(join(cwd, 'ready.json'), 'utf8').catch(() => '')
    if (ready !== '') process.kill((JSON.parse(ready) as { readonly pid: number }).pid)
    await closed
  })
  let said: string[] = []
  let clients: Followers | undefined
  let root = 0
  let at = 0
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
    root = Number(/^Root version (\d+) holds/m.exec(said.join('\n'))?.[1] ?? root)
    if (step.command.startsWith('curl') && clients === undefined) clients = parts.use(await Followers.of(URL_OF_INDEX))
    if (clients !== undefined && step.command === 'waxseal ceremony publish --data index') {
      assert.deepEqual(await clients.verify(URL_OF_INDEX, PAGE), { sha256: null, root }, where)
    }
    said = []
    at += 1
    shell.stdin.write('\n')
  }
  await closed
  assert.equal(at, steps.length, said.join('\n'))
  assert.ok(root > 5 && clients !== undefined)
})
