import { canonicalJson } from './canonical-json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'
import type { PublicKey } from './public-key.ts'
import { readPublicKey } from './public-key.ts'

/**
 * The keys that a role lists, by id, each read when it is first asked for: a shard lists those of thousands of projects, of which
 * one look-up needs one. Those that cannot count are not in it, so that the others still do (attacks.md ARB-4).
 */
export class KeyRing implements ReadonlyMap<string, PublicKey> {
  readonly #documents: JsonObject
  readonly #read = new Map<string, PublicKey | undefined>()

  constructor(documents: Iterable<[string, JsonValue]>) {
    this.#documents = new Map(documents)
  }

  get size(): number {
    return [...this.entries()].length
  }

  get(keyid: string): PublicKey | undefined {
    const known = this.#read.get(keyid)
    if (known !== undefined || this.#read.has(keyid)) return known
    const document = this.#documents.get(keyid)
    const key = isJsonObject(document) ? readPublicKey(keyid, document) : undefined
    // Only what is listed is remembered: signatures may name any number of ids.
    if (document !== undefined) this.#read.set(keyid, key)
    return key
  }

  /** Whether a key stands in both as the same document: told without reading it. */
  listsAlike(other: KeyRing, keyid: string): boolean {
    const document = this.#documents.get(keyid)
    const others = other.#documents.get(keyid)
    if (document === undefined || others === undefined) return document === others
    return canonicalJson(document) === canonicalJson(others)
  }

  has(keyid: string): boolean {
    return this.get(keyid) !== undefined
  }

  *entries(): MapIterator<[string, PublicKey]> {
    for (const keyid of this.#documents.keys()) {
      const key = this.get(keyid)
      if (key !== undefined) yield [keyid, key]
    }
  }

  *keys(): MapIterator<string> {
    for (const [keyid] of this.entries()) yield keyid
  }

  *values(): MapIterator<PublicKey> {
    for (const [, key] of this.entries()) yield key
  }

  [Symbol.iterator](): MapIterator<[string, PublicKey]> {
    return this.entries()
  }

  forEach(visit: (key: PublicKey, keyid: string, keys: ReadonlyMap<string, PublicKey>) => void): void {
    for (const [keyid, key] of this.entries()) visit(key, keyid, this)
  }
}
