import type { StoreOptions } from '../store.ts'
import { openStore } from '../store.ts'

/** The process that is killed while it brings a database up to date: `node upgrading-process.ts <options as JSON>`. */
const options = JSON.parse(process.argv[2] ?? '') as StoreOptions
process.stdout.write('now\n')
await using _ = await openStore(options)
