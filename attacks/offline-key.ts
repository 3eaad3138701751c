import { dirname, join } from 'node:path'
import type { Signer } from '@waxseal/trust'
import { openKeyFile } from '@waxseal/trust'
import type { RunningServer } from '../test/support/server.ts'

const PASSPHRASE = /Their passphrase, shown this once; write it down:\n {2}(\S+)/

/** The offline key of `targets`, as whoever started the index took it away: its file and the passphrase that was shown. */
export async function holderOf(server: RunningServer): Promise<Signer> {
  const passphrase = PASSPHRASE.exec(server.log())?.[1]
  if (passphrase === undefined) throw new Error('the index showed no passphrase when it started')
  return await openKeyFile(join(dirname(server.dataDir), 'offline-keys', 'targets.key.json'), async () => passphrase)
}
