import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { GuardError } from './error.ts'

export interface ProgramOptions {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** Where its standard output goes: to ours as it is, to our standard error, or through a mapping of its text. */
  readonly stdout: 'inherit' | 'stderr' | ((text: string) => string)
}

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/**
 * Runs a program to its end: its exit code, 128 and more for a signal, as shells have it. The terminal's interrupt reaches it by
 * itself; this process stays until it has ended, to say what it did.
 * @throws GuardError `command-not-found`
 */
export async function runProgram({ command, env, cwd, stdout }: ProgramOptions): Promise<number> {
  const [program = '', ...args] = command
  const isMapped = typeof stdout === 'function'
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['inherit', isMapped ? 'pipe' : stdout === 'stderr' ? 2 : 'inherit', 'inherit'],
  })
  const ended = new Promise<number>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })
  const stay = (): void => undefined
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', stay)
  for (const signal of FORWARDED) process.on(signal, forward)
  try {
    if (isMapped && child.stdout !== null) process.stdout.write(stdout(await textOf(child.stdout)))
    return await ended
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const why =
      code === 'ENOENT' ? 'there is no such program here' : code === 'EACCES' ? 'it may not be run' : String(cause)
    throw new GuardError('command-not-found', `${program} could not be started: ${why}.`, { cause })
  } finally {
    process.off('SIGINT', stay)
    for (const signal of FORWARDED) process.off(signal, forward)
  }
}

/** All of it: a lock is one document, mapped as a whole. */
async function textOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}
