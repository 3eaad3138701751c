import { wireJson } from './canonical-json.ts'
import { TrustError } from './error.ts'
import { isJsonObject } from './json.ts'
import { MAX_KEY_FILE } from './limits.ts'
import { parseJson } from './parse-json.ts'
import type { PublicKey } from './public-key.ts'
import { keyDocument, publicKeyOf, readKeyDocument } from './public-key.ts'

/** The public half of a key as a file: the JSON by which metadata lists it. */
export function writePublicKey(key: PublicKey): Uint8Array {
  return Buffer.from(`${wireJson(keyDocument(key))}\n`)
}

/**
 * Reads the file of a public key. Its id is worked out from the key, so that one key has one id wherever its file comes from.
 * @throws TrustError `key-invalid`
 */
export function readPublicKeyFile(bytes: Uint8Array): PublicKey {
  if (bytes.length > MAX_KEY_FILE) throw invalid('it is too large')
  const value = parsed(bytes)
  const key = isJsonObject(value) ? readKeyDocument(value) : undefined
  if (key === undefined) throw invalid('it is not the JSON by which metadata lists a key')
  return publicKeyOf(key)
}

function parsed(bytes: Uint8Array): ReturnType<typeof parseJson>['value'] {
  try {
    return parseJson(bytes).value
  } catch (cause) {
    throw invalid('it is no JSON', cause)
  }
}

function invalid(reason: string, cause?: unknown): TrustError {
  const message = `The file of the public key cannot be read: ${reason}. Take the .pub file that waxseal key wrote.`
  return new TrustError('key-invalid', message, cause === undefined ? undefined : { cause })
}
