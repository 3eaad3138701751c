import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'

export const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/src/main.ts')

/** How a command ended, and what it said. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The environment without variables of ours, so that what a test sets is all there is. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WAXSEAL_')))
}

/** Runs the `waxseal` command to its end, without a terminal; with `through`, started by that program. */
export async function waxsealCommand(
  args: readonly string[],
  {
    cwd = tmpdir(),
    env = {},
    input = '',
    through = [],
  }: {
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
    readonly input?: string
    readonly through?: readonly string[]
  } = {},
): Promise<Run> {
  const [program = '', ...rest] = [...through, process.execPath, MAIN, ...args]
  const child = spawn(program, rest, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => undefined).end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** The one JSON document that a command printed. */
export function documentOf({ stdout, stderr }: Run): Record<string, unknown> {
  if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`not exactly one line:\n${stdout}${stderr}`)
  return JSON.parse(stdout) as Record<string, unknown>
}
