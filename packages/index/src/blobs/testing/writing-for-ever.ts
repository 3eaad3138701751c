import { openDirectoryBlobStore } from '../directory-blob-store.ts'
import { openSpool } from '../spool.ts'

/** Is in the middle of a put and of an upload when it is killed: `node writing-for-ever.ts <folder>` prints when it is. */
const [folder = ''] = process.argv.slice(2)
const blobs = await openDirectoryBlobStore(`${folder}/blobs`)
const spool = await openSpool(`${folder}/spool`)
const upload = await spool.createSpoolFile()
await upload.write(Buffer.alloc(65_536))

async function* endless(): AsyncIterable<Uint8Array> {
  for (let count = 0; ; count++) {
    yield Buffer.alloc(65_536)
    if (count === 2) process.stdout.write('writing\n')
  }
}

await blobs.put('ab'.repeat(32), endless())
