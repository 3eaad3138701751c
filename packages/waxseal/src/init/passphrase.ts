import { askOptionalPassphrase, newPassphraseIn } from '../ask-passphrase.ts'

/** Who says the passphrase of the offline keys. */
export interface PassphraseOptions {
  readonly passphraseFile?: string
  readonly yes: boolean
}

/**
 * The passphrase for the offline keys: from a file, else asked for, with --yes none. Undefined: one is to be generated.
 * @throws CommandError `passphrase-wrong`, `secret-unreadable`, `cancelled`
 */
export async function passphraseOf({ passphraseFile, yes }: PassphraseOptions): Promise<string | undefined> {
  if (passphraseFile !== undefined) return newPassphraseIn(passphraseFile, '--passphrase-file')
  if (yes) return undefined
  return await askOptionalPassphrase('A passphrase for the offline keys? Nothing: a good one is made, and shown')
}
