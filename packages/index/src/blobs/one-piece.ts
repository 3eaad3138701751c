/** Bytes in hand as the stream that `BlobStore.put` takes. */
export async function* onePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
