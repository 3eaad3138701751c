/**
 * A copy with no other memory behind it, for whoever keeps it: Node cuts small buffers from shared ones of 64 KiB, and zlib hands
 * out a view of as many, so that what is kept would be a hundred times what is accounted for.
 */
export function ofItsOwn(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
