import { join } from 'node:path'
import { readNetrc } from '@waxseal/guard/configuration'
import type { NetrcEntry } from '@waxseal/guard/configuration'
import type { Edit, PlannedFile, SetupRequest } from './setup-plan.ts'

/**
 * The file with the credentials that pip, uv, Poetry, PDM and pipenv send to this host, and to no other. Undefined
 * when no token was given.
 */
export function netrcFile(request: SetupRequest): PlannedFile | undefined {
  const { token, username = '__token__', index, env, home } = request
  if (token === undefined) return undefined
  const path = env['NETRC'] || join(home, '.netrc')
  return {
    path,
    shown: `machine ${index.hostname} login ${username} password TOKEN\n`,
    secret: true,
    edit: (before) => netrcEdit(before ?? '', path, index.hostname, username, token),
  }
}

/**
 * Adds or mends the entry of a machine, and touches no other byte. Of several entries of one machine, Python takes the
 * last and others the first: all of them are mended. Throws GuardError `config-unreadable`.
 */
export function netrcEdit(before: string, path: string, machine: string, login: string, password: string): Edit {
  const entries = readNetrc(before, path)
  const wanted = new Map([
    ['login', login],
    ['password', password],
  ])
  const wrong = entries
    .filter((entry) => entry.machine === machine)
    .filter(({ values }) => [...wanted].some(([key, text]) => values.findLast((it) => it.key === key)?.text !== text))
  if (wrong.length > 0) {
    let text = before
    for (const entry of wrong.toReversed()) text = withValues(text, entry, wanted)
    return {
      text,
      conflicts: [`${path} has other credentials for ${machine}. Remove that entry, or have it replaced with --force.`],
    }
  }
  if (entries.some((entry) => entry.machine === machine)) return { text: before, conflicts: [] }
  // What stands behind `default` is not looked at by every client.
  const place = entries.find((entry) => entry.machine === undefined)?.start ?? before.length
  const head = before.slice(0, place)
  const eol = before.includes('\r\n') ? '\r\n' : '\n'
  const line = `machine ${machine} login ${wordOf(login)} password ${wordOf(password)}${eol}`
  return {
    text: `${head}${head === '' || head.endsWith('\n') ? '' : eol}${line}${before.slice(place)}`,
    conflicts: [],
  }
}

/**
 * Quotes stay where they are, and none come: behind them Python takes the end of the line for one before the next word,
 * and a comment there for something else.
 */
function withValues(text: string, { name, values }: NetrcEntry, wanted: ReadonlyMap<string, string>): string {
  const isQuoted = (start: number) => text.charAt(start) === '"'
  const missing = [...wanted].filter(([key]) => values.every((value) => value.key !== key))
  let changed = text
  for (const { key, start, end } of values.toReversed()) {
    const value = wanted.get(key)
    if (value !== undefined) changed = changed.slice(0, start) + wordOf(value, isQuoted(start)) + changed.slice(end)
  }
  const added = missing.map(([key, value]) => ` ${key} ${wordOf(value, isQuoted(name.start))}`).join('')
  return changed.slice(0, name.end) + added + changed.slice(name.end)
}

function wordOf(value: string, quoted = false): string {
  const escaped = value.replaceAll(/^#|["\\]/g, String.raw`\$&`)
  return quoted ? `"${escaped}"` : escaped
}
