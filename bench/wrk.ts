import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What wrk's own figures are cut down to; printed by Lua, since its prose rounds. */
const REPORT = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"bytes":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`

/** One run of wrk: times in microseconds. */
export interface WrkResult {
  readonly requests: number
  readonly bytes: number
  readonly microseconds: number
  readonly p50: number
  readonly p99: number
}

export interface WrkLoad {
  readonly seconds: number
  readonly connections: number
  readonly headers?: readonly string[]
}

/** Writes wrk's script into `folder`; call once before `runWrk`. */
export function prepareWrk(folder: string): string {
  const script = join(folder, 'report.lua')
  writeFileSync(script, REPORT)
  return script
}

/** Asks for one URL over keep-alive connections for a while. Rejects when any answer was not a success. */
export async function runWrk(script: string, url: string, load: WrkLoad): Promise<WrkResult> {
  const headers = (load.headers ?? []).flatMap((header) => ['-H', header])
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '-s', script, ...headers, url]
  const { stdout } = await run('wrk', args, { timeout: load.seconds * 1000 + 30_000 })
  const line = stdout.split('\n').findLast((text) => text.startsWith('{'))
  const result = JSON.parse(line ?? '{}') as WrkResult & { readonly errors: number }
  if (result.errors !== 0) throw new Error(`wrk ${url}: ${result.errors} requests failed`)
  return result
}
