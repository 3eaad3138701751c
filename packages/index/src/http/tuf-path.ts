/** What an address under `/tuf/` means (TUF specification 5.1, 5.7.3: consistent snapshots). */
export type TufPath =
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'metadata'; readonly role: string; readonly version: number }
  /** A project's page: `targets/simple/<project>/<sha256>.index.json`. */
  | { readonly kind: 'page'; readonly project: string; readonly sha256: string }
  /** A document about names: `targets/names/<hh>/<sha256>.<project>.json`, `targets/deny/…`, `targets/policy/…`. */
  | { readonly kind: 'document'; readonly path: string; readonly sha256: string }
  /** A file of a developer-signed project: `targets/projects/<hh>/<project>/<sha256>.<filename>`. */
  | { readonly kind: 'file'; readonly project: string; readonly sha256: string; readonly filename: string }

const METADATA = /^([1-9]\d{0,15})\.(.+)\.json$/
const HASHED = /^([\da-f]{64})\.(.+)$/

/** Reads the segments after `/tuf/`, decoded once; undefined for what is no address of metadata or of a target. */
export function readTufPath(segments: readonly string[]): TufPath | undefined {
  const [first, ...rest] = segments
  if (first === undefined) return undefined
  if (rest.length === 0) return readMetadataName(first)
  return first === 'targets' ? readTarget(rest) : undefined
}

function readMetadataName(name: string): TufPath | undefined {
  if (name === 'timestamp.json') return { kind: 'timestamp' }
  const [, version, role] = METADATA.exec(name) ?? []
  // Of the timestamp there is the newest alone.
  if (version === undefined || role === undefined || role === 'timestamp') return undefined
  const number = Number(version)
  return Number.isSafeInteger(number) ? { kind: 'metadata', role, version: number } : undefined
}

function readTarget(path: readonly string[]): TufPath | undefined {
  const [kind, ...folders] = path.slice(0, -1)
  const [, sha256, name] = HASHED.exec(path.at(-1) ?? '') ?? []
  if (sha256 === undefined || name === undefined) return undefined
  if (kind === 'simple' && folders.length === 1 && name === 'index.json') {
    return { kind: 'page', project: folders[0] ?? '', sha256 }
  }
  if (kind === 'projects' && folders.length === 2) {
    return { kind: 'file', project: folders[1] ?? '', sha256, filename: name }
  }
  if ((kind === 'names' && folders.length === 1) || ((kind === 'deny' || kind === 'policy') && folders.length === 0)) {
    return { kind: 'document', path: [kind, ...folders, name].join('/'), sha256 }
  }
  return undefined
}
