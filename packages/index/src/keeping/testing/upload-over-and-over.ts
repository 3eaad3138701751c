import { once } from 'node:events'
import { join } from 'node:path'
import { digest, sample } from '../../blobs/blob-store-contract.ts'
import { openDirectoryBlobStore } from '../../blobs/directory-blob-store.ts'
import { openStore } from '../../store/store.ts'

/**
 * Stores one blob, commits a row that refers to it, looks whether it is there, takes the row away, over and over:
 * `node upload-over-and-over.ts <folder>`. Told `wait` it says `waiting` once nothing is under way, and goes on when told
 * `go`; told `end` it says how often the blob was missing.
 */
const [folder = ''] = process.argv.slice(2)
await using store = await openStore({ kind: 'sqlite', path: join(folder, 'waxseal.db') })
const blobs = await openDirectoryBlobStore(join(folder, 'blobs'))
const bytes = sample(100)
const sha256 = digest(bytes)
const at = '2026-01-01T00:00:00.000Z'
let order = 'go'
process.on('message', (told: string) => (order = told))
let lost = 0
while (order !== 'end') {
  if (order === 'wait') {
    order = ''
    process.send?.('waiting')
  }
  if (order === '') {
    await once(process, 'message')
    continue
  }
  await blobs.put(sha256, bytes)
  const row = { project: 'demo', snapshot: 1, body_sha256: sha256, superseded_at: at }
  await store.transaction((tx) => tx.insertInto('superseded_page').values(row).execute())
  if ((await blobs.head(sha256))?.size !== bytes.length) lost += 1
  await store.transaction((tx) => tx.deleteFrom('superseded_page').execute())
}
process.send?.({ lost }, () => process.disconnect?.())
