import { DocumentReader } from '@waxseal/trust/documents'
import { openDocument, readLine, readName, readOneOf, readTime, writeDocument } from './read-document.ts'

/** A granted prefix (PEP 752): `corp` covers `corp` and `corp-…`, never `corporate` (attacks.md NAME-NS). */
export interface Namespace {
  /** In normal form. */
  readonly name: string
  /** The team or user that may claim names under it. */
  readonly owner: string
  /** Whether its names may be shown to whoever asks which namespaces there are. */
  readonly visibility: 'public' | 'private'
  /**
   * Once holders have signed the list, who must stand behind a name under it for a guard: `offline` is a sealed record, `online` what
   * the server claimed.
   */
  readonly claims: 'offline' | 'online'
  /** ISO 8601. */
  readonly since: string
  /** Set where the configuration says it and nobody was granted it: no part of the signed list. */
  readonly isConfigured?: true
}

/** The list as holders sign it. */
export interface NamespaceList {
  /** Counts the decisions about it; an older one than was seen is never taken. */
  readonly rev: number
  readonly namespaces: readonly Namespace[]
}

export const MAX_NAMESPACES = 10_000
const MAX_OWNER = 100

/** The `setting` that counts the decisions about namespaces: other nodes notice by it that they have to read them again. */
export const NAMESPACES_REVISION = 'namespaces-rev'

/** Granted prefixes, found by the names that they cover: the cost is that of the name's dashes, whatever was granted. */
export class Namespaces implements Iterable<Namespace> {
  readonly #byName: ReadonlyMap<string, Namespace>

  constructor(namespaces: Iterable<Namespace> = []) {
    this.#byName = new Map(Array.from(namespaces, (namespace) => [namespace.name, namespace]))
  }

  /** Those that a configuration file grants, to whoever runs the index. */
  static configured(prefixes: readonly string[]): Namespaces {
    return new Namespaces(prefixes.map((name) => configuredNamespace(name)))
  }

  get size(): number {
    return this.#byName.size
  }

  get(name: string): Namespace | undefined {
    return this.#byName.get(name)
  }

  /** The namespace that covers `project`, the most specific where several do. */
  covering(project: string): Namespace | undefined {
    for (let end = project.length; end > 0; end = project.lastIndexOf('-', end - 1)) {
      const found = this.#byName.get(project.slice(0, end))
      if (found !== undefined) return found
    }
    return undefined
  }

  /** All that cover `project`, the most specific first. */
  allCovering(project: string): readonly Namespace[] {
    return levelsOf(project).flatMap((level) => this.#byName.get(level) ?? [])
  }

  /** The one that says who may claim `project`: the most specific that was granted, whatever the configuration sets apart in it. */
  grantedOver(project: string): Namespace | undefined {
    return this.allCovering(project).find(({ isConfigured }) => isConfigured === undefined)
  }

  [Symbol.iterator](): Iterator<Namespace> {
    return this.#byName.values()
  }
}

/** The names of all namespaces that could cover `project`, the longest first. */
export function levelsOf(project: string): readonly string[] {
  const levels: string[] = []
  for (let end = project.length; end > 0; end = project.lastIndexOf('-', end - 1)) levels.push(project.slice(0, end))
  return levels
}

/** Who owns a namespace that is kept for administrators. */
export const OPERATOR_OWNER = 'operator'

export function configuredNamespace(name: string): Namespace {
  const since = '1970-01-01T00:00:00Z'
  return { name, owner: OPERATOR_OWNER, visibility: 'private', claims: 'online', since, isConfigured: true }
}

/**
 * The granted namespace that keeps `name` from being granted to `owner`: one of somebody else that covers it, or that it would
 * cover (PEP 752, overlapping grants).
 */
export function overlapping(name: string, owner: string, granted: Iterable<Namespace>): Namespace | undefined {
  for (const other of granted) {
    if (other.owner === owner) continue
    if (`${name}-`.startsWith(`${other.name}-`) || `${other.name}-`.startsWith(`${name}-`)) return other
  }
  return undefined
}

/** @throws TrustError where it is not a list of namespaces, or says more than is known here */
export function readNamespaceList(bytes: Uint8Array): NamespaceList {
  const reader = openDocument(bytes, 'namespaces', ['rev', 'namespaces'])
  const namespaces = reader.list('namespaces', MAX_NAMESPACES).map((value) => {
    const one = new DocumentReader(value, 'namespace')
    one.onlyHas(['name', 'owner', 'visibility', 'claims', 'since'])
    return {
      name: readName(one, 'name'),
      owner: readLine(one, 'owner', MAX_OWNER),
      visibility: readOneOf(one, 'visibility', ['public', 'private']),
      claims: readOneOf(one, 'claims', ['offline', 'online']),
      since: readTime(one, 'since'),
    }
  })
  if (new Set(namespaces.map(({ name }) => name)).size !== namespaces.length) throw reader.invalid('one stands twice')
  return { rev: reader.number('rev', 1), namespaces }
}

/** The bytes that are signed, whatever order the namespaces come in. */
export function writeNamespaceList({ rev, namespaces }: NamespaceList): Buffer {
  const sorted = namespaces.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return writeDocument({
    rev,
    namespaces: sorted.map(({ name, owner, visibility, claims, since }) => ({
      name,
      owner,
      visibility,
      claims,
      since,
    })),
  })
}
