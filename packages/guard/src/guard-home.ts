import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where a user's guard keeps what it trusts, and what it may lose. */
export interface GuardHome {
  /** Trusted roots, what was seen since, credentials. */
  readonly trust: string
  /** Files by their sha256. */
  readonly cache: string
}

/** The folders of the user whose environment this is (XDG Base Directory; `WAXSEAL_GUARD_HOME` for both in one place). */
export function guardHome(env: NodeJS.ProcessEnv): GuardHome {
  const own = env['WAXSEAL_GUARD_HOME']
  if (own !== undefined && own !== '') return { trust: join(own, 'trust'), cache: join(own, 'cache') }
  const home = env['HOME'] || homedir()
  const data = env['XDG_DATA_HOME'] || env['LOCALAPPDATA'] || join(home, '.local', 'share')
  const cache = env['XDG_CACHE_HOME'] || env['LOCALAPPDATA'] || join(home, '.cache')
  return { trust: join(data, 'waxseal', 'guard'), cache: join(cache, 'waxseal', 'files') }
}
