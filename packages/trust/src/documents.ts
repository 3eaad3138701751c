/** Strict JSON as metadata has it, for those who put documents of their own under signatures. */
export { wireJson } from './canonical-json.ts'
export type { Encodable } from './canonical-json.ts'
export { DocumentReader } from './document-reader.ts'
export { TrustError } from './error.ts'
export type { JsonValue } from './json.ts'
export { parseJson } from './parse-json.ts'
