import { TrustError } from '../error.ts'
import type { TargetFile } from '../metadata.ts'
import { HashCheck } from './check-file.ts'

/**
 * Hands on a target's bytes as they come, and holds back the last piece until length and hashes are right, so that what is
 * wrong never completes (specification 5.7.2; attacks.md ARB-1, ED-TGT). What was handed on before is not to be used until the
 * end has come.
 * @throws TrustError `length-mismatch`, at the first byte too many, or `hash-mismatch`
 */
export async function* verifiedTarget(
  path: string,
  file: TargetFile,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const check = new HashCheck(path, file.hashes)
  let length = 0
  let last: Uint8Array | undefined
  for await (const piece of source) {
    length += piece.length
    if (length > file.length) throw mismatch(path, file, 'more')
    check.update(piece)
    if (last !== undefined) yield last
    last = piece
  }
  if (length < file.length) throw mismatch(path, file, 'fewer')
  check.end()
  if (last !== undefined) yield last
}

function mismatch(path: string, file: TargetFile, than: 'more' | 'fewer'): TrustError {
  return new TrustError('length-mismatch', `${path} has ${than} bytes than the ${file.length} that are signed.`)
}
