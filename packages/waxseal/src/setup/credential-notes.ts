import type { SetupRequest } from './setup-plan.ts'

/** Why there is one index only; said with every configuration. */
export const ONLY_INDEX =
  'This is the only index, on purpose: of two, whoever has the higher version of a name wins. Waxseal asks the other indexes itself.'

/** What there is to say about credentials for reading, when any were asked for. */
export function readingNotes(request: SetupRequest, otherwise: string): readonly string[] {
  const { username, token, index } = request
  if (username === undefined && token === undefined) return []
  if (token !== undefined) return [`The token goes into .netrc, for ${index.hostname} only, and into no other file.`]
  return [
    `Credentials: put "machine ${index.hostname} login ${username} password TOKEN" into ~/.netrc (mode 0600), or let setup do it with --token-file FILE. ${otherwise}`,
  ]
}

export function insecureNotes({ index }: SetupRequest): readonly string[] {
  return index.insecure
    ? [
        'Plain http to another machine: pip leaves such an index out, and anybody on the way can change what you install. Serve it over HTTPS.',
      ]
    : []
}

/** Variables of pip's that would add or replace an index whatever its files say. */
export function pipEnvironmentConflicts({ env, index }: SetupRequest): readonly string[] {
  const added = ['PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS', 'PIP_NO_INDEX'].filter((name) => (env[name] ?? '') !== '')
  const url = env['PIP_INDEX_URL'] ?? ''
  const replaced = url !== '' && url.replace(/\/+$/, '') !== index.simple.replace(/\/+$/, '') ? ['PIP_INDEX_URL'] : []
  return [...added, ...replaced].map(unsetIt)
}

export function unsetIt(name: string): string {
  return `The environment variable ${name} is set, and wins over every file. Unset it, in your shell's start files too.`
}
