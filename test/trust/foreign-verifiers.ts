import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { clockAt } from '../support/clock-at.ts'
import { SID } from '../support/clients.ts'
import type { Spent } from './stopwatch.ts'

/** What a verifier is asked; the names are those of the Python side. */
export interface VerifyRequest {
  readonly metadata_url: string
  readonly targets_url: string
  /** A folder of this verifier alone: what it trusts, kept between runs. */
  readonly cache: string
  /** Path of the root that it trusts from the start. */
  readonly root: string
  /** Target paths to look up. */
  readonly targets: readonly string[]
  /** Where to put the targets; null: they are looked up only. */
  readonly download: string | null
  /** What time it takes it to be; null: the machine's. */
  readonly now: string | null
}

export type VerifyAnswer =
  | {
      readonly ok: true
      readonly versions?: Readonly<Record<string, number>>
      /** null: authentically absent. */
      readonly targets: Readonly<Record<string, { readonly length: number; readonly sha256: string } | null>>
      /** `refresh`: from nothing but the cache to trusted top-level metadata; `lookups`: of all targets, downloads included. */
      readonly spent: { readonly refresh: Spent; readonly lookups: Spent }
    }
  | { readonly ok: false; readonly error: string; readonly message: string }

/** A client of The Update Framework that nobody here wrote. */
export interface ForeignVerifier {
  /** With its version. */
  readonly name: string
  /** Why it cannot run on this machine; undefined where it can. */
  readonly absent: string | undefined
  verify(request: VerifyRequest): Promise<VerifyAnswer>
}

const SID_PYTHON = join(SID, 'path/python3')
const here = (name: string): string => resolve(import.meta.dirname, name)

export const PYTHON_TUF: ForeignVerifier = {
  name: 'python-tuf 7.0.0 (securesystemslib 1.4.0)',
  absent: existsSync(SID_PYTHON) ? undefined : 'python-tuf is not there: node scripts/fetch-clients.ts --follow',
  verify: (request) => ask(SID_PYTHON, [here('python-tuf.py')], request),
}

export const TUF_JS: ForeignVerifier = {
  name: 'tuf-js 6.0.2',
  absent: undefined,
  verify: (request) =>
    ask(
      process.execPath,
      [here('tuf-js-process.ts')],
      request,
      request.now === null ? {} : clockAt(Date.parse(request.now)),
    ),
}

export const FOREIGN_VERIFIERS: readonly ForeignVerifier[] = [PYTHON_TUF, TUF_JS]

/** The verifier's answer. A process that ends otherwise than by answering is our own fault, and throws. */
export async function ask(
  command: string,
  args: readonly string[],
  request: VerifyRequest,
  env: NodeJS.ProcessEnv = {},
): Promise<VerifyAnswer> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  child.stdin.end(JSON.stringify(request))
  const [answer, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (answer === '') throw new Error(`${join(command, ...args)} gave no answer: ${complaints}`)
  return JSON.parse(answer) as VerifyAnswer
}
