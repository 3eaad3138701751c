import { basename } from 'node:path'

/** PEP 751: `pylock.toml` or `pylock.NAME.toml`. */
export function isLockName(path: string): boolean {
  return /^pylock(?:\.[^.]+)?\.toml$/.test(basename(path))
}
