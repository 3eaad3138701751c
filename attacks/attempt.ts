import { spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GuardOutcome } from './guard.ts'

/** Stands in everything that an attacker made, so that it is found wherever it gets to. */
export const PAYLOAD = 'waxseal-attack-payload'

/** Where code of an attacker that runs leaves its name: in the home of the user whom it was run by. */
export const MARK = 'attacked'

/** How long a client is waited for, and how much it may take, until whoever sits in front of it would give up. */
export const PATIENCE_MS = 25_000
export const PATIENCE_BYTES = 128 * 1024 ** 2
/** The memory of a client and all that it started; without an attack it is some 100 MiB. */
export const PATIENCE_MEMORY = 512 * 1024 ** 2
const LOOK_MS = 100
/** Of memory, as the kernel counts it for processes. */
const PAGE_BYTES = 4096

/** One call of a client, and what it left behind. */
export interface Attempt {
  /** null: it had to be ended. */
  readonly code: number | null
  readonly output: string
  /** Of that, what it wrote to standard output. */
  readonly stdout: string
  /** Why it was ended. */
  readonly gaveUp: 'waiting' | 'flooded' | 'bloated' | undefined
  readonly verb: 'installs' | 'locks' | 'downloads'
  /** What it got, as `app 1.0`, sorted. */
  readonly got: readonly string[]
  /** Those of them that are the attacker's. */
  readonly evil: readonly string[]
  /** What code of the attacker did, or what his hosts were told. */
  readonly ran: readonly string[]
  /** Whether the environment is as it was. */
  readonly untouched: boolean
  readonly guard: GuardOutcome | undefined
  /** Files of the guard's own that hold what the attacker made. */
  readonly planted: readonly string[]
}

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly stdout: string
  readonly gaveUp: Attempt['gaveUp']
}

/** Runs a program with its children in a group of their own, until it ends or `sent` says that it takes without end. */
export async function runPatiently(
  [program = '', ...args]: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly sent: () => number },
): Promise<Ended> {
  const { cwd, env, sent } = options
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const started = performance.now()
  const before = sent()
  let output = ''
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  let gaveUp: Attempt['gaveUp']
  const ended = new AbortController()
  const closed = new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  }).finally(() => ended.abort())
  const watch = async (): Promise<void> => {
    while (gaveUp === undefined) {
      await delay(LOOK_MS, undefined, { signal: ended.signal })
      if (sent() - before > PATIENCE_BYTES) gaveUp = 'flooded'
      else if (memoryOf(child.pid) > PATIENCE_MEMORY) gaveUp = 'bloated'
      else if (performance.now() - started > PATIENCE_MS) gaveUp = 'waiting'
    }
    // The group is this child's own: whatever it started ends with it.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  watch().catch(() => undefined)
  const code = await closed
  return { code, output, stdout, gaveUp }
}

/** Bytes that the processes of a group hold. */
function memoryOf(group: number | undefined): number {
  return globSync('/proc/[0-9]*/stat').reduce((sum, path) => {
    try {
      const fields = readFileSync(path, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      return Number(fields[2]) === group ? sum + Number(fields[21]) * PAGE_BYTES : sum
    } catch {
      // It has ended meanwhile.
      return sum
    }
  }, 0)
}

/** What is installed in a folder, and what of it the attacker made. */
export function installedIn(folder: string): Pick<Attempt, 'got' | 'evil'> {
  const found = globSync('*.dist-info', { cwd: folder }).toSorted()
  const evil = found.filter((info) => {
    const record = readFileSync(join(folder, info, 'RECORD'), 'utf8')
    const files = record.split('\n').map((line) => join(folder, line.split(',')[0] ?? ''))
    return files.some((file) => file !== folder && existsSync(file) && holdsPayload(file))
  })
  return { got: found.map(releaseOf), evil: evil.map(releaseOf) }
}

/** What a pylock.toml names; the attacker's by their sha256. */
export function lockedIn(path: string, evilFiles: ReadonlySet<string>): Pick<Attempt, 'got' | 'evil'> {
  if (!existsSync(path)) return { got: [], evil: [] }
  const blocks = readFileSync(path, 'utf8').split('[[packages]]').slice(1)
  const named = blocks.map((text) => ({
    release: `${/^name = "(.*)"$/m.exec(text)?.[1]} ${/^version = "(.*)"$/m.exec(text)?.[1]}`,
    isEvil: [...evilFiles].some((sha256) => text.includes(sha256)),
  }))
  return {
    got: named.map(({ release }) => release).toSorted(),
    evil: named.flatMap(({ release, isEvil }) => (isEvil ? [release] : [])).toSorted(),
  }
}

/** What a folder of downloaded files holds. */
export function downloadedIn(folder: string): Pick<Attempt, 'got' | 'evil'> {
  const found = globSync('*.{whl,tar.gz}', { cwd: folder }).toSorted()
  const evil = found.filter((file) => holdsPayload(join(folder, file)))
  return { got: found.map(releaseOf), evil: evil.map(releaseOf) }
}

function holdsPayload(file: string): boolean {
  return readFileSync(file).includes(PAYLOAD)
}

/** `app 1.0` of `app-1.0.dist-info` or `app-1.0-py3-none-any.whl`. */
function releaseOf(path: string): string {
  const [name = '', version = ''] = basename(path)
    .replace(/\.(?:dist-info|tar\.gz)$/, '')
    .split('-')
  return `${name.replaceAll('_', '-')} ${version}`
}
