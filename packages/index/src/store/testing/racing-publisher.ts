import { openStore, type StoreOptions } from '../store.ts'
import { raceFor } from '../store-contract.ts'

/** The other process of the fencing race: `node racing-publisher.ts <options as JSON> <from> <to>` prints what it won. */
const [options = '', from = '', to = ''] = process.argv.slice(2)
await using store = await openStore(JSON.parse(options) as StoreOptions)
process.stdout.write(JSON.stringify(await raceFor(store, Number(from), Number(to))))
