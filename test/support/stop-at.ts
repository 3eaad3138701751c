import { writeSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Loaded into a command by `stoppingCommand` (`node --import`): the process stops itself, as by a debugger, when it first
 * opens a file whose path matches one of STOP_AT (expressions, a line each), and every STOP_EVERY_MS that it is awake.
 * Where it stops it says so on standard error; what it holds at that moment it keeps until SIGCONT.
 */
const expressions = new Set((process.env['STOP_AT'] ?? '').split('\n').map((source) => new RegExp(source)))

function stop(where: string): void {
  writeSync(2, `stopped ${process.pid} ${where}\n`)
  process.kill(process.pid, 'SIGSTOP')
}

const { open } = fs
fs.open = (path, ...rest) => {
  const met = [...expressions].find((expression) => expression.test(String(path)))
  if (met !== undefined) {
    expressions.delete(met)
    stop(String(path))
  }
  return open(path, ...rest)
}
syncBuiltinESMExports()

const everyMs = Number(process.env['STOP_EVERY_MS'] ?? 0)
/** A timer that is set in the turn in which the process stood still would be due at once. */
const awake = (): void => void setTimeout(() => (stop('awake'), setImmediate(awake)), everyMs).unref()
if (everyMs > 0) awake()
