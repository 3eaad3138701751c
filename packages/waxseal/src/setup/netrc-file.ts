import { join } from 'node:path'
import type { Edit, PlannedFile, SetupRequest } from './setup-plan.ts'

/** Tokens with their positions: a `.netrc` is words, wherever its lines end; what follows `#` on a line is a comment. */
interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

/**
 * The file with the credentials that pip, uv, Poetry, PDM and pipenv send to this host, and to no other. Undefined
 * when no token was given.
 */
export function netrcFile(request: SetupRequest): PlannedFile | undefined {
  const { token, username = '__token__', index, env, home } = request
  if (token === undefined) return undefined
  return {
    path: env['NETRC'] || join(home, '.netrc'),
    shown: `machine ${index.hostname} login ${username} password TOKEN\n`,
    secret: true,
    edit: (before) => netrcEdit(before ?? '', index.hostname, username, token),
  }
}

/** Adds or finds the entry of a machine. Entries before `default`, which matches every machine, are what counts. */
export function netrcEdit(before: string, machine: string, login: string, password: string): Edit {
  const words = netrcWords(before)
  const line = `machine ${machine} login ${login} password ${password}\n`
  const at = words.findIndex(({ text }, index) => text === 'machine' && words[index + 1]?.text === machine)
  if (at !== -1) {
    const stop = words.findIndex(({ text }, index) => index > at + 1 && /^(?:machine|default|macdef)$/.test(text))
    const entry = words.slice(at, stop === -1 ? undefined : stop)
    const after = (key: string) => entry[entry.findIndex(({ text }, index) => index > 1 && text === key) + 1]?.text
    if (after('login') === login && after('password') === password) return { text: before, conflicts: [] }
    const last = entry.at(-1)?.end ?? 0
    const end = before[last] === '\n' ? last + 1 : last
    return {
      text: before.slice(0, entry[0]?.start) + line + before.slice(end),
      conflicts: [
        `The .netrc has other credentials for ${machine}. Remove that entry, or have it replaced with --force.`,
      ],
    }
  }
  const fallback = words.find(({ text }) => text === 'default')
  const place = fallback?.start ?? before.length
  const head = before.slice(0, place)
  return {
    text: `${head}${head === '' || head.endsWith('\n') ? '' : '\n'}${line}${before.slice(place)}`,
    conflicts: [],
  }
}

function netrcWords(text: string): readonly Word[] {
  const words: Word[] = []
  let start = 0
  let macro = false
  for (const line of text.split('\n')) {
    // A macro lasts until an empty line, and what stands in it is no entry.
    if (macro && line.trim() === '') macro = false
    else if (!macro) {
      for (const match of line.matchAll(/\S+/g)) {
        if (match[0].startsWith('#') && words.at(-1)?.text !== 'password') break
        words.push({ text: match[0], start: start + match.index, end: start + match.index + match[0].length })
        if (match[0] === 'macdef') macro = true
      }
    }
    start += line.length + 1
  }
  return words
}
