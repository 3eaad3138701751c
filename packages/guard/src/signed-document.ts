import type { TargetFile, TrustClient } from '@waxseal/trust/client'
import { TrustError } from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { unreachable, unverified } from './failures.ts'
import type { FileCache } from './file-cache.ts'
import type { Origin } from './origin.ts'

/** Where small signed documents come from: kept by their sha256, as files are, and fetched where they are not. */
export interface DocumentSource {
  readonly client: TrustClient
  readonly cache: FileCache
  readonly origin: Origin
  readonly offline: boolean
}

/** A document that was found signed: `sha256` names its very bytes. */
export interface SignedDocument<T> {
  readonly sha256: string
  readonly content: T
}

/**
 * Gets a signed document and reads it. One that cannot be understood is refused whole: what it says more could be what protects a name.
 * `what` begins the sentence that says so.
 * @throws GuardError `name-refused`, `page-unverified`, `index-unreachable`
 */
export async function readSigned<T>(
  { client, cache, origin, offline }: DocumentSource,
  path: string,
  file: TargetFile,
  { what, most, read }: { readonly what: string; readonly most: number; readonly read: (bytes: Uint8Array) => T },
): Promise<SignedDocument<T>> {
  const sha256 = file.hashes.get('sha256')
  if (sha256 === undefined || file.length > most) {
    throw new GuardError(
      'name-refused',
      `${what} is too large, or has no sha256: nothing that it decides about is handed on.`,
    )
  }
  let bytes = await cache.read(sha256)
  if (bytes === undefined) {
    if (offline) throw unreachable(origin.url, `${what} is not kept here, and this run is offline.`)
    bytes = await explained(what, async () => {
      const pieces: Uint8Array[] = []
      for await (const piece of client.download(path, file)) pieces.push(piece)
      return Buffer.concat(pieces)
    })
    // On a full disk the next run fetches it again.
    await cache.put(sha256, bytes).catch(() => undefined)
  }
  try {
    return { sha256, content: read(bytes) }
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new GuardError(
      'name-refused',
      `${what} is not understood here (${cause.message}): nothing that it decides about is handed on. A newer waxseal may know it.`,
      { cause },
    )
  }
}

/** Does what asks for signed metadata; what does not verify is said in the guard's words. @throws GuardError */
export async function explained<T>(
  what: string,
  work: () => Promise<T>,
  data: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TrustError) throw unverified(what, error, data)
    throw error
  }
}
