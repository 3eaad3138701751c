import { withoutSecrets } from '../configuration/without-secrets.ts'
import { isBelow } from '../verify/verify-entries.ts'
import type { FoundSource, SourceKind } from './found-source.ts'

/** A setting that reaches, or may reach, another place than the trusted index. */
export interface ClientFinding {
  readonly code: SourceKind | 'unreadable'
  /** A note is for people to look at, and no failure. */
  readonly severity: 'error' | 'note'
  readonly client: string
  readonly where: string
  /** What stands there, without credentials. */
  readonly what: string
  readonly means: string
  readonly advice: string
}

/** What counts as the trusted index. */
export interface TrustedPlace {
  /** Base URL. */
  readonly url: string
  /** What the URL of its guard on this machine has in it, where one is set up. */
  readonly guardSecret: string | undefined
}

const AS_UPSTREAM = 'Remove it: what it has comes through the trusted index, as one of its upstreams.'

const EXPLAINED: Readonly<Record<SourceKind, readonly [means: string, advice: string]>> = {
  index: [
    'Whatever this client installs comes from there, unverified; a private name is asked of a stranger.',
    'Name the trusted index instead (waxseal setup), or run the client by "waxseal run".',
  ],
  'extra-index': [
    'Two indexes are asked, and the higher version wins: whoever registers a private name there gets installed (dependency confusion).',
    AS_UPSTREAM,
  ],
  links: [
    'Files there stand beside those of the index, and the higher version wins (dependency confusion). Nothing signs them.',
    'Remove it; upload the files to the trusted index.',
  ],
  'unchecked-host': [
    'No certificate is asked of this host: anybody on the way can answer in its place.',
    'Remove it; give the client the certificate authority of the host instead (waxseal setup --ca-file).',
  ],
  'direct-url': [
    'This requirement is taken from there, past any index, and nothing vouches for what is there.',
    'Upload the project to the trusted index, and require it by name and version.',
  ],
  merging: [
    'Of several indexes the highest version wins, whoever has it (dependency confusion).',
    'Remove it: the first index that has a name should be the only one.',
  ],
  elsewhere: [
    'What runs there has its own configuration and, without any, asks pypi.org.',
    'Name the trusted index in it (waxseal setup docker), or install there by "waxseal run".',
  ],
  upload: [
    'What you publish with this client goes there.',
    'If that is meant, leave it; else name the trusted index (waxseal setup).',
  ],
  credentials: [
    'Programs send these credentials there.',
    'If nothing but packages was had from there, remove the entry.',
  ],
}

const NOTES: ReadonlySet<SourceKind> = new Set(['credentials', 'elsewhere', 'upload'])

/** What there is to say about a setting; undefined where it reaches the trusted index and nothing else. */
export function findingOf(source: FoundSource, trusted: TrustedPlace): ClientFinding | undefined {
  const { kind, client, where, setting, value } = source
  if (isTrusted(kind, value, trusted)) return undefined
  const [means, advice] = EXPLAINED[kind]
  const isNote = NOTES.has(kind) || (kind === 'links' && !value.includes('://'))
  const shown = withoutSecrets(value)
  return {
    code: kind,
    severity: isNote ? 'note' : 'error',
    client,
    where,
    what: shown === '' ? `${where}: ${setting}` : `${where}: ${setting} is ${shown}`,
    means,
    advice,
  }
}

function isTrusted(kind: SourceKind, value: string, { url, guardSecret }: TrustedPlace): boolean {
  const place = URL.parse(value)
  switch (kind) {
    case 'merging':
    case 'elsewhere':
      return false
    case 'credentials':
      return value === new URL(url).hostname
    case 'unchecked-host':
      // Over plain http there is no certificate to ask for.
      return new URL(url).protocol === 'http:' && [new URL(url).host, new URL(url).hostname].includes(value)
    case 'upload':
    case 'index':
    case 'extra-index':
    case 'links':
    case 'direct-url':
      if (place === null) return false
      return isBelow(value, url) || (place.hostname === '127.0.0.1' && hasSecret(place, guardSecret))
  }
}

function hasSecret({ pathname, password }: URL, secret: string | undefined): boolean {
  return secret !== undefined && (password === secret || pathname.startsWith(`/${secret}/`))
}
