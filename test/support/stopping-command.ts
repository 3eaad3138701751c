import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cleanEnvironment, MAIN } from './command.ts'

/** Where a command is stopped; see `stop-at.ts`. */
export interface Stops {
  readonly at: readonly RegExp[]
  readonly everyMs?: number
}

/**
 * Runs `waxseal …`, and has it stand still in the middle of its work, again and again: what `stopped` waits for happens
 * beside it, whatever the machine is busy with. What it printed; rejects with what it said when it did not exit with 0.
 */
export async function stoppingCommand(
  args: readonly string[],
  { at, everyMs = 0 }: Stops,
  stopped: (where: string) => Promise<void>,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const stops = { STOP_AT: at.map(({ source }) => source).join('\n'), STOP_EVERY_MS: String(everyMs) }
  const child = spawn(process.execPath, ['--import', import.meta.resolve('./stop-at.ts'), MAIN, ...args], {
    env: { ...cleanEnvironment(), ...env, ...stops },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const said: string[] = []
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      const where = /^stopped \d+ (.*)$/.exec(line)?.[1]
      if (where === undefined) {
        said.push(line)
        continue
      }
      await stopped(where)
      child.kill('SIGCONT')
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  const [code] = await closed
  if (code !== 0) throw new Error(`waxseal ${args.join(' ')} exited with ${code}:\n${said.join('\n')}\n${stdout}`)
  return stdout
}
