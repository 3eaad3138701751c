import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { writeWhole } from '@waxseal/trust/durable'
import { textIfThere } from './child-file.ts'
import type { ChildOutput } from './preparing.ts'
import { isTable, table } from './toml.ts'

const INSPECT_BYTES = 256 * 1024 * 1024
const INSPECT_MS = 60_000

export interface Installation {
  /** The command of the pip that installed: `python3 -m pip`. */
  readonly head: readonly string[]
  /** A folder that it installed into, where that is not its environment. */
  readonly target: string | undefined
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly loopback: string
  readonly toOrigin: (text: string) => string
}

/**
 * What was installed from a URL has it in its `direct_url.json` (PEP 610), where `pip freeze` reads it: it becomes the origin's, and
 * RECORD says so. pip itself is asked where that is.
 */
export function directUrlRecords(installation: Installation): ChildOutput {
  return {
    collect: async () => {
      const written: string[] = []
      for (const folder of await installedFromLoopback(installation)) {
        const path = join(folder, 'direct_url.json')
        const text = await textIfThere(path)
        if (text === undefined || installation.toOrigin(text) === text) continue
        await rewrite(path, installation.toOrigin(text))
        await correctRecord(join(folder, 'RECORD'), installation.toOrigin(text))
        written.push(path)
      }
      return written
    },
  }
}

/** The `.dist-info` folders of what came from a loopback URL; none where pip cannot say: what is installed works all the same. */
async function installedFromLoopback({ head, target, cwd, env, loopback }: Installation): Promise<readonly string[]> {
  const [program = '', ...before] = head
  const args = [...before, 'inspect', ...(target === undefined ? [] : ['--path', target])]
  const options = { cwd, env, maxBuffer: INSPECT_BYTES, timeout: INSPECT_MS }
  try {
    const { stdout } = await promisify(execFile)(program, args, options)
    const report: unknown = JSON.parse(stdout)
    const installed = isTable(report) ? report['installed'] : undefined
    return (Array.isArray(installed) ? installed : []).flatMap((entry: unknown) => {
      const { direct_url: direct, metadata_location: location } = table(entry)
      const url = table(direct)['url']
      return typeof url === 'string' && url.startsWith(`${loopback}/`) && typeof location === 'string'
        ? [resolve(cwd, location)]
        : []
    })
  } catch {
    return []
  }
}

async function correctRecord(path: string, text: string): Promise<void> {
  const record = await textIfThere(path)
  if (record === undefined) return
  const name = `${basename(dirname(path))}/direct_url.json`
  const digest = createHash('sha256').update(text).digest('base64url')
  const lines = record.split(/(?<=\n)/)
  const corrected = lines.map((line) =>
    line.startsWith(`${name},`)
      ? `${name},sha256=${digest},${Buffer.byteLength(text)}${/\r?\n?$/.exec(line)?.[0] ?? ''}`
      : line,
  )
  await rewrite(path, corrected.join(''))
}

async function rewrite(path: string, text: string): Promise<void> {
  const { mode } = await stat(path)
  await writeWhole(path, Buffer.from(text), { mode: mode & 0o777 })
}
