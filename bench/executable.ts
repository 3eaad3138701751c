import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './figure.ts'
import type { Figure } from './figure.ts'
import { childrenCpuMicroseconds } from './processes.ts'
import { formatTable, withExecutable } from './report.ts'

/**
 * The one executable file, which this builds, beside the checkout that it is made of: its size, and what a start costs.
 *
 *     npm run bench:executable               the table on the terminal
 *     npm run bench:executable -- --write    and its section of docs/performance.md
 */

const ROOT = join(import.meta.dirname, '..')
const DOCUMENT = join(ROOT, 'docs/performance.md')
const CHECKOUT = join(ROOT, 'packages/waxseal/bin/waxseal')
const STARTS = 10
const COMMANDS = [
  { args: ['--version'], what: 'every command is loaded' },
  { args: ['serve', '--help'], what: 'one command is loaded' },
]

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })

function measure(folder: string): readonly Figure[] {
  const executable = join(folder, 'waxseal')
  const began = performance.now()
  run(process.execPath, [join(ROOT, 'scripts/build-executable.ts'), executable], folder)
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  const size = Math.round(statSync(executable).size / 1e6)
  return [
    { what: 'size of the executable', ours: `${size} MB`, beside: `built in ${seconds} s` },
    ...COMMANDS.map(({ args, what }) => {
      const [ours, beside] = starts([executable, CHECKOUT], args, folder)
      if (ours === undefined || beside === undefined) throw new Error('a side is missing')
      return {
        what: `\`waxseal ${args.join(' ')}\`, to its end; ${what}`,
        ours: told(ours),
        beside: `checkout: ${told(beside)}`,
        ratio: ours.wall / beside.wall,
      }
    }),
  ]
}

interface Starts {
  /** The median, in milliseconds. */
  readonly wall: number
  /** The mean, in milliseconds. */
  readonly cpu: number
}

/** The sides in turn, round after round; a first start each, which may fill caches, is not counted. */
function starts(programs: readonly string[], args: readonly string[], home: string): readonly Starts[] {
  for (const program of programs) run(program, args, home)
  const sides = programs.map((program) => ({ program, walls: [] as number[], cpu: 0 }))
  for (let round = 0; round < STARTS; round += 1) {
    for (const side of sides) {
      const before = childrenCpuMicroseconds()
      const began = performance.now()
      run(side.program, args, home)
      side.walls.push(performance.now() - began)
      side.cpu += childrenCpuMicroseconds() - before
    }
  }
  return sides.map(({ walls, cpu }) => ({ wall: median(walls), cpu: cpu / 1000 / STARTS }))
}

function run(program: string, args: readonly string[], home: string): void {
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, 'cache') }
  const { status, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ended with ${status ?? error?.message}:\n${stderr}`)
}

function told({ wall, cpu }: Starts): string {
  return `${Math.round(wall)} ms (CPU ${Math.round(cpu)})`
}

const folder = mkdtempSync(join(tmpdir(), 'waxseal-bench-executable-'))
try {
  const figures = measure(folder)
  process.stdout.write(`${formatTable(figures).replaceAll('**', '')}\n`)
  if (values.write) writeFileSync(DOCUMENT, withExecutable(readFileSync(DOCUMENT, 'utf8'), figures))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
