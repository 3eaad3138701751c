/** Bytes that can be read from any place: a file, an object in a bucket, memory. The only door through which archives are read. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number
  /**
   * The bytes `[offset, offset + length)`, fewer only where the source ends. Rejections are passed on as they are. A source that would
   * make a buffer for them may fill `into` instead, which is long enough, and return the part of it that it filled.
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
}

/** A source over bytes in memory; what it reads are views, not copies. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  }
}
