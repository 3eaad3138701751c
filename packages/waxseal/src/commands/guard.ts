import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Refusal } from '@waxseal/guard'
import { guardHome, openLoopback } from '@waxseal/guard'
import { readIfThere, writeNew } from '@waxseal/trust/durable'
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { firstSignal } from '../first-signal.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT } from '../exit-codes.ts'
import type { GuardingOptions } from '../guarding.ts'
import { openTrusted, trustedIndex, withGuardOptions } from '../guarding.ts'
import { withExample } from '../help.ts'
import { terminalText } from '../output.ts'
import { ReadyFile } from '../ready-file.ts'
import { userUnit } from '../user-unit.ts'

interface ServiceOptions extends GuardingOptions {
  readonly port: number
  readonly readyFile?: string
  readonly print?: 'url' | 'password' | 'unit'
}

/** One above the index's own. */
const DEFAULT_PORT = 8418

/** How often files that are kept are looked at for what is too much, in milliseconds. */
const TIDY_MS = 10 * 60_000

export function addGuard(program: Command): void {
  withExample(
    withGuardOptions(program.command('guard')),
    'waxseal guard',
    'waxseal guard --print unit > ~/.config/systemd/user/waxseal-guard.service',
  )
    .description('stay, as a verified index on this machine: for Poetry, editors and whatever is not started by "run"')
    .option('--port <port>', 'where it answers on 127.0.0.1; 0 takes a free one', port, DEFAULT_PORT)
    .option('--ready-file <file>', 'write a JSON file (url, pid, version) once it answers')
    .addOption(
      new Option('--print <what>', 'print its URL, its password or a systemd user unit, and end').choices([
        'url',
        'password',
        'unit',
      ]),
    )
    .action(serve)
}

function port(text: string): number {
  const value = Number(text)
  if (/^[0-9]{1,5}$/.test(text) && value < 65_536) return value
  throw new InvalidArgumentError('It has to be a port: a number below 65536.')
}

async function serve(options: ServiceOptions): Promise<void> {
  const { trusted } = await trustedIndex(options.trust)
  const secret = await secretOf(trusted.folder)
  if (options.print !== undefined) {
    const url = `http://127.0.0.1:${options.port}/${secret}/simple/`
    const texts = { url, password: secret, unit: userUnit(trusted.url, options, guardHome(process.env)) }
    process.stdout.write(`${texts[options.print]}\n`)
    return
  }
  using ready = options.readyFile === undefined ? undefined : new ReadyFile(options.readyFile)
  await using guard = await openTrusted(options, { onRefusal: say })
  await using loopback = await openLoopback(guard, trusted.url, { port: options.port, secret, password: true })
  const stopped = firstSignal()
  await guard.refresh()
  const base = `http://127.0.0.1:${loopback.port}`
  process.stderr.write(
    terminalText([
      `waxseal guard: ${trusted.url}, verified, at ${base}/simple/`,
      '  programs say its password (any user name), which "waxseal guard --print password" shows,',
      '  or take the URL that has it in its path: "waxseal guard --print url"',
    ]),
  )
  ready?.write(`${base}/${secret}`)
  using _tidying = everySoOften(() => guard.cache.tidy())
  await stopped
}

/** A line for each refusal, as it happens. */
function say({ code, message }: Refusal): void {
  process.stderr.write(terminalText([`refused (${code}): ${message}`]))
}

const SECRET = /^[\w-]{32,}$/

/** Stays the same, so that programs are told once; in a file that its owner alone can read. */
async function secretOf(folder: string): Promise<string> {
  const path = join(folder, 'guard-password')
  const bytes = await readIfThere(path)
  const known = bytes === undefined ? '' : Buffer.from(bytes).toString('utf8').trim()
  if (SECRET.test(known)) return known
  const secret = randomBytes(24).toString('base64url')
  if (await writeNew(path, Buffer.from(`${secret}\n`), { mode: 0o600 })) return secret
  // Another start was faster, or what is there is damaged.
  const other = Buffer.from((await readIfThere(path)) ?? '')
    .toString('utf8')
    .trim()
  if (SECRET.test(other)) return other
  throw new CommandError('no-password', `${path} holds no password: remove it, and start again.`, EXIT_ENVIRONMENT)
}

function everySoOften(work: () => Promise<void>): Disposable {
  const timer = setInterval(() => {
    work().catch((error: unknown) => process.stderr.write(terminalText([`waxseal guard: ${String(error)}`])))
  }, TIDY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
