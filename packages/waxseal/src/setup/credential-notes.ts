import { withoutSecrets } from '@waxseal/guard/configuration'
import type { SetupRequest } from './setup-plan.ts'

/** Why there is one index only; said with every configuration. */
export const ONLY_INDEX =
  'Let it be the only index: of two, whoever has the higher version of a name wins. Waxseal asks the other indexes itself.'

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

/** Where the configuration is for another machine, or a container, and the address leads nowhere from there. */
export function elsewhereNotes({ index }: SetupRequest): readonly string[] {
  return index.local
    ? [
        `${index.hostname} is the machine itself, there as here, so this index is not reached. Name it with --url https://packages.example/, or set public-url.`,
      ]
    : []
}

/** A variable that overrules what was written; `value` is left out where it is a secret itself. */
export function unsetIt(name: string, value = ''): string {
  const shown = value === '' ? '' : ` (${withoutSecrets(value)})`
  return `The environment variable ${name} is set${shown}, and wins over every file. Unset it, in your shell's start files too.`
}
