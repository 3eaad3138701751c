import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TrustError } from '../error.ts'
import type { TargetFile } from '../metadata.ts'
import { escapeSegment } from '../role-file.ts'
import { DirectoryState } from './directory-state.ts'
import { HttpRemote } from './http-remote.ts'
import { initialiseState, TrustClient } from './trust-client.ts'
import { verifiedTarget } from './verified-target.ts'

/** The public conformance suite's client protocol (theupdateframework/tuf-conformance, CLIENT-CLI.md): exit 0, or 1 and one line. */

const USAGE =
  'conformance-client --metadata-dir DIR [--metadata-url URL] [--target-name PATH]… [--target-dir DIR] ' +
  '[--target-base-url URL] (init ROOT | refresh | download)'

try {
  await main(process.argv.slice(2))
} catch (error) {
  const text = error instanceof TrustError ? `${error.code}: ${error.message}` : String(error)
  process.stderr.write(`conformance-client: ${text.replaceAll(/\s+/g, ' ')}\n`)
  process.exitCode = 1
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'metadata-dir': { type: 'string' },
      'metadata-url': { type: 'string' },
      'target-name': { type: 'string', multiple: true },
      'target-dir': { type: 'string' },
      'target-base-url': { type: 'string' },
    },
  })
  const [command, rootFile] = positionals
  const state = await DirectoryState.open(needed(values['metadata-dir']))
  if (command === 'init') {
    await initialiseState(state, await readFile(needed(rootFile)))
    return
  }
  if (command !== 'refresh' && command !== 'download') throw new Error(USAGE)
  const remote = new HttpRemote({
    metadataUrl: needed(values['metadata-url']),
    targetsUrl: values['target-base-url'],
  })
  const client = await TrustClient.open({ state, remote, now: Date.now })
  await client.refresh()
  if (command === 'refresh') return
  const folder = needed(values['target-dir'])
  for (const path of needed(values['target-name'])) await download(client, path, folder)
}

/** A target's file has the same name whatever is in it; what is there already and right is not fetched again. */
async function download(client: TrustClient, path: string, folder: string): Promise<void> {
  const found = await client.find(path)
  if (found.kind === 'absent') throw new TrustError('missing-role', `Nobody lists ${path}.`)
  await mkdir(folder, { recursive: true })
  const target = join(folder, fileName(path))
  if (await isThere(path, found.file, target)) return
  // The name of no target: `a.tmp` may be one beside `a`.
  const temporary = join(folder, `.${randomUUID()}.part`)
  try {
    const file = await open(temporary, 'wx')
    try {
      for await (const piece of client.download(path, found.file)) await file.write(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function isThere(path: string, file: TargetFile, target: string): Promise<boolean> {
  try {
    for await (const _ of verifiedTarget(path, file, createReadStream(target)));
    return true
  } catch {
    return false
  }
}

function fileName(path: string): string {
  const name = escapeSegment(path)
  return name.length > 200 ? createHash('sha256').update(path).digest('hex') : name
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error(USAGE)
  return value
}
