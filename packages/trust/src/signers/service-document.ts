import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { isJsonObject } from '../json.ts'
import { parseJson } from '../parse-json.ts'

/** The JSON object that a service answered with; undefined for anything else, such as a proxy's page. */
export function documentOf(body: Uint8Array): JsonObject | undefined {
  try {
    const { value } = parseJson(body)
    return isJsonObject(value) ? value : undefined
  } catch (error) {
    if (error instanceof TrustError) return undefined
    throw error
  }
}

/** The object in `object` under each of `names` in turn. */
export function objectAt(object: JsonObject | undefined, ...names: readonly string[]): JsonObject | undefined {
  let at = object
  for (const name of names) {
    const value = at?.get(name)
    at = isJsonObject(value) ? value : undefined
  }
  return at
}

export function textAt(object: JsonObject | undefined, name: string): string | undefined {
  const value = object?.get(name)
  return typeof value === 'string' ? value : undefined
}

/** The bytes of strict base64; undefined for anything else. */
export function base64Of(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
