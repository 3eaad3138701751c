import { writeSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Loaded into a server (`node --import`): kills its process, as `kill -9` does, right before its KILL_AT-th step since it first
 * wrote to the journal. A step is whatever reaches the disk or the database: a statement that writes, begins or ends a
 * transaction, or has just ended one; a file that is opened to be written or synced, or renamed. Where it dies it says so on standard error.
 */
const at = Number(process.env['KILL_AT'])
const BEGINS = /^insert into "journal"/
const WRITES = /^(?:begin|commit|insert|update|delete|rollback)/i
let steps: number | undefined

function step(what: string): void {
  if (steps === undefined) return
  steps += 1
  if (steps !== at) return
  writeSync(2, `killed before ${what}\n`)
  process.kill(process.pid, 'SIGKILL')
}

const texts = new WeakMap<StatementSync, string>()
const prepare = Reflect.get(DatabaseSync.prototype, 'prepare')
DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string): StatementSync {
  const statement = prepare.call(this, sql)
  texts.set(statement, sql)
  return statement
}

for (const name of ['run', 'all', 'get'] as const) {
  const method = StatementSync.prototype[name] as (...values: unknown[]) => unknown
  const counted = function (this: StatementSync, ...values: unknown[]): unknown {
    const sql = texts.get(this) ?? ''
    if (BEGINS.test(sql)) steps ??= 0
    if (WRITES.test(sql)) step(sql.slice(0, 40))
    const answer = method.apply(this, values)
    if (sql === 'commit') step('what follows a commit')
    return answer
  }
  Object.defineProperty(StatementSync.prototype, name, { value: counted })
}

const { open, rename } = fs
fs.open = (path, ...rest) => {
  step(`open ${String(path)}`)
  return open(path, ...rest)
}
fs.rename = (...paths) => {
  step(`rename ${String(paths[0])}`)
  return rename(...paths)
}
syncBuiltinESMExports()
