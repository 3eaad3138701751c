import type { Encodable } from '../canonical-json.ts'
import { EncodedJson } from '../canonical-json.ts'
import { TrustError } from '../error.ts'
import type { JsonValue } from '../json.ts'
import { MAX_JSON_DEPTH } from '../limits.ts'

/**
 * Plain data as metadata holds it. Control characters and halves of characters are refused here, on the way in: other
 * implementations encode or refuse them differently under a signature (tuf.md C).
 * @throws TrustError `json-invalid`
 */
export function jsonOf(value: Encodable, depth = 0): JsonValue {
  if (depth > MAX_JSON_DEPTH) throw invalid('it is nested too deeply')
  if (typeof value === 'string') return checkedText(value)
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw invalid('a number is no whole one, or too large')
  if (value === null || typeof value !== 'object') return value
  if (value instanceof EncodedJson) throw invalid('a part of it is encoded already')
  if (Array.isArray(value)) return (value as readonly Encodable[]).map((item) => jsonOf(item, depth + 1))
  const members = new Map<string, JsonValue>()
  const entries =
    value instanceof Map ? value.entries() : Object.entries(value as Record<string, Encodable | undefined>)
  for (const [name, member] of entries) {
    if (member !== undefined) members.set(checkedText(name), jsonOf(member, depth + 1))
  }
  return members
}

function checkedText(text: string): string {
  if (!text.isWellFormed()) throw invalid('a text holds half a character')
  if (/[\u0000-\u001F\u007F]/.test(text)) throw invalid('a text holds a control character')
  return text
}

function invalid(reason: string): TrustError {
  return new TrustError('json-invalid', `The data cannot be signed: ${reason}.`)
}
