import { appendFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'

/**
 * Loaded into a command (`node --import`): whatever it does to the files under KILL_UNDER, and the begin and end of every
 * transaction, is a step. Each is written to KILL_STEPS, a line each; before step number KILL_AT (from 1) the process is killed,
 * as by a power cut.
 */
const { KILL_UNDER: under = '', KILL_STEPS: steps = '' } = process.env
const killAt = Number(process.env['KILL_AT'] ?? 0)
let count = 0

function step(what: string): void {
  count += 1
  if (count === killAt) process.kill(process.pid, 'SIGKILL')
  appendFileSync(steps, `${what.replaceAll(under, '')}\n`)
}

const { open, rename, rm, link, mkdir } = fs
const isUnder = (path: unknown): boolean => String(path).startsWith(under)
fs.open = async (path, flags, mode) => {
  // Read files apart: whoever dies before it has read one has done nothing.
  if (isUnder(path) && (flags !== 'r' || (await fs.stat(path)).isDirectory())) step(`open ${String(path)}`)
  return await open(path, flags, mode)
}
fs.rename = async (from, to) => {
  if (isUnder(to)) step(`rename ${String(from)} ${String(to)}`)
  await rename(from, to)
}
fs.rm = async (path, options) => {
  if (isUnder(path)) step(`rm ${String(path)}`)
  await rm(path, options)
}
fs.link = async (from, to) => {
  if (isUnder(to)) step(`link ${String(to)}`)
  await link(from, to)
}
fs.mkdir = (async (path: string, options?: object) => {
  if (isUnder(path)) step(`mkdir ${path}`)
  return await mkdir(path, options)
}) as typeof mkdir
syncBuiltinESMExports()

const prepare = Reflect.get(DatabaseSync.prototype, 'prepare') as (...args: unknown[]) => StatementSync
DatabaseSync.prototype.prepare = function (sql, ...rest) {
  const statement = Reflect.apply(prepare, this, [sql, ...rest])
  if (!/^(?:begin|commit)\b/i.test(sql)) return statement
  for (const name of ['run', 'all'] as const) {
    const work = statement[name].bind(statement) as (...values: unknown[]) => unknown
    Object.defineProperty(statement, name, {
      value: (...values: unknown[]) => {
        step(sql)
        return work(...values)
      },
    })
  }
  return statement
}
