/** JSON as metadata may hold it: whole numbers only, objects as maps so that no name in them can act (attacks.md ARB-5). */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export type JsonObject = ReadonlyMap<string, JsonValue>

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map
}
