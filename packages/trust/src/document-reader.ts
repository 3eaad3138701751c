import { TrustError } from './error.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'

/** Reads members of one object of metadata; what is missing or of another type fails with the member's name. */
export class DocumentReader {
  readonly #object: JsonObject
  readonly #where: string

  /** `where` says in messages what this is part of: `root`, `snapshot meta`. */
  constructor(value: JsonValue | undefined, where: string) {
    this.#where = where
    if (!isJsonObject(value)) throw this.invalid('it is no object')
    this.#object = value
  }

  get entries(): Iterable<[string, JsonValue]> {
    return this.#object.entries()
  }

  has(name: string): boolean {
    return this.#object.has(name)
  }

  /** What says more than its reader knows is refused whole: what would be left out could be what matters. */
  onlyHas(names: readonly string[]): void {
    for (const name of this.#object.keys()) {
      if (!names.includes(name)) throw this.invalid(`it says "${name.slice(0, 40)}", which is not known here`)
    }
  }

  isNull(name: string): boolean {
    return this.#object.get(name) === null
  }

  object(name: string): DocumentReader {
    return new DocumentReader(this.#object.get(name), `${this.#where} ${name}`)
  }

  json(name: string): JsonObject | undefined {
    const value = this.#object.get(name)
    return isJsonObject(value) ? value : undefined
  }

  text(name: string, maxLength: number): string {
    const value = this.#object.get(name)
    if (typeof value !== 'string' || value.length > maxLength) throw this.invalid(`${name} is no text, or too long`)
    return value
  }

  flag(name: string): boolean {
    const value = this.#object.get(name)
    if (typeof value !== 'boolean') throw this.invalid(`${name} is neither true nor false`)
    return value
  }

  /** A whole number from `least`. */
  number(name: string, least: number): number {
    const value = this.#object.get(name)
    if (typeof value !== 'number' || value < least) throw this.invalid(`${name} is no number from ${least}`)
    return value
  }

  list(name: string, maxLength: number): readonly JsonValue[] {
    const value = this.#object.get(name)
    if (!Array.isArray(value)) throw this.invalid(`${name} is no list`)
    if (value.length > maxLength) throw this.invalid(`${name} has more than ${maxLength} items`)
    return value as readonly JsonValue[]
  }

  /** Texts that are all different: what stands twice counts once to one reader and twice to another. */
  texts(name: string, maxLength: number): readonly string[] {
    const items = this.list(name, maxLength)
    if (!items.every((item) => typeof item === 'string')) throw this.invalid(`${name} holds something that is no text`)
    if (new Set(items).size !== items.length) throw this.invalid(`${name} holds the same text twice`)
    return items
  }

  invalid(reason: string): TrustError {
    return new TrustError('metadata-invalid', `Metadata is malformed (${this.#where}): ${reason}.`)
  }
}
