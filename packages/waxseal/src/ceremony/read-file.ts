import { readFileSync, statSync } from 'node:fs'
import { MAX_CEREMONY_REQUEST, TrustError } from '@waxseal/trust'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'

/** What is carried back and forth in a ceremony, and what is easily taken for it. */
type Kind = 'the request of a ceremony' | 'signatures of a ceremony' | 'a root' | 'a public key' | 'a private key'

/**
 * Reads a file of a ceremony; every refusal names it. @throws CommandError `ceremony-invalid`; TrustError as `parse`
 */
export function readCeremonyFile<T>(path: string, wanted: Kind, parse: (bytes: Uint8Array) => T): T {
  const bytes = bytesOf(path)
  const found = kindOf(bytes)
  if (found !== undefined && found !== wanted) {
    throw new CommandError('ceremony-invalid', `${path} is ${found}, not ${wanted}.`, EXIT_REFUSED)
  }
  try {
    return parse(bytes)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    throw new TrustError(error.code, `${path}: ${error.message}`, { cause: error })
  }
}

function bytesOf(path: string): Uint8Array {
  try {
    if (statSync(path).size <= MAX_CEREMONY_REQUEST) return readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CommandError('ceremony-invalid', `${path} cannot be read (${code}).`, EXIT_USAGE, { cause: error })
  }
  throw new CommandError('ceremony-invalid', `${path} is too large to be a file of a ceremony.`, EXIT_USAGE)
}

/** By what stands in it, of whatever version; undefined: something else. */
function kindOf(bytes: Uint8Array): Kind | undefined {
  const text = Buffer.from(bytes).toString()
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return 'a private key'
  const value = objectIn(text)
  const format = String(value.get('format'))
  if (format.startsWith('waxseal-ceremony-')) return 'the request of a ceremony'
  if (format.startsWith('waxseal-signatures-')) return 'signatures of a ceremony'
  if (value.get('_type') === 'waxseal-encrypted-key') return 'a private key'
  if (value.has('keytype') && value.has('keyval')) return 'a public key'
  return value.has('signed') && /"_type"\s*:\s*"root"/.test(text) ? 'a root' : undefined
}

function objectIn(text: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
  } catch {
    return new Map()
  }
}
