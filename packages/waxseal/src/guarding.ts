import type { Guard, OpenGuardOptions } from '@waxseal/guard'
import { findTrust, guardHome, GuardError, indexUrl } from '@waxseal/guard/run'
import type { GuardHome, StoredIndex } from '@waxseal/guard/run'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'

/** Options of every command that verifies what an index has signed. */
export interface GuardingOptions {
  readonly trust?: string
  readonly offline?: boolean
  readonly cacheSize?: number
  readonly wheelsOnly?: boolean
  readonly allowDirectUrls?: boolean
}

export function withGuardOptions(command: Command): Command {
  return command
    .option('--trust <url>', 'the index, where several are trusted')
    .option('--offline', 'ask no network: what was verified before has to do, until it expires', false)
    .option(
      '--wheels-only',
      'keep back source archives: building one runs its code, also where nothing is installed',
      false,
    )
    .option(
      '--allow-direct-urls',
      'leave requirements alone that name a URL, also those of packages; they are not verified, and the port of the guard does not lead there',
      false,
    )
    .option('--cache-size <size>', 'most that is kept of downloaded files, like 500M or 20G (default: 10G)', size)
}

/** The index that is meant. @throws GuardError `not-trusted` */
export async function trustedIndex(url: string | undefined): Promise<{ home: GuardHome; trusted: StoredIndex }> {
  const home = guardHome(process.env)
  return { home, trusted: await findTrust(home, url === undefined ? undefined : indexUrl(url)) }
}

/** Opens a guard of the index that is meant. @throws GuardError */
export async function openTrusted(
  { trust, offline = false, wheelsOnly = false, allowDirectUrls = false, cacheSize }: GuardingOptions,
  more: Partial<OpenGuardOptions> = {},
): Promise<Guard> {
  const { home, trusted } = await trustedIndex(trust)
  // Loaded here: what starts a program needs it only then.
  const { openGuard } = await import('@waxseal/guard')
  return await openGuard({
    home,
    trusted,
    env: process.env,
    now: Date.now,
    offline,
    wheelsOnly,
    allowDirectUrls,
    cacheBytes: cacheSize,
    ...more,
  })
}

/** `500M`, `20G`: in bytes. */
function size(text: string): number {
  const [, number = '', unit = ''] = /^([0-9]{1,12})([KMGT]?)i?B?$/i.exec(text) ?? []
  if (number === '') throw new InvalidArgumentError('It has to be a size, like 500M or 20G.')
  return Number(number) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit.toUpperCase())
}

/** Whether an error is the guard's, with this code. */
export function isGuardError(error: unknown, code: GuardError['code']): boolean {
  return error instanceof GuardError && error.code === code
}
