import { randomBytes } from 'node:crypto'
import { TrustError } from '../error.ts'
import { MAX_PASSPHRASE, MIN_PASSPHRASE } from '../limits.ts'

/** Randomness as an input: so many unpredictable bytes. */
export type Random = (size: number) => Uint8Array

export const systemRandom: Random = (size) => randomBytes(size)

/** Crockford's base32: no letter that is read as a digit, so that what was written down by hand can be typed again. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz'
const GROUPS = 7
const GROUP = 4
const LENGTH = GROUPS * GROUP
/** What people write where they read one of the letters. */
const READ_AS = new Map([
  ['i', '1'],
  ['l', '1'],
  ['o', '0'],
])

/** A new passphrase: seven groups of four, 140 bits. Nobody guesses 128, and a group less would be below. */
export function generatePassphrase(random: Random = systemRandom): string {
  const letters = Array.from(random(LENGTH), (byte) => LETTERS.charAt(byte % LETTERS.length))
  const groups = Array.from({ length: GROUPS }, (_, at) => letters.slice(at * GROUP, (at + 1) * GROUP).join(''))
  return groups.join('-')
}

/** Refuses a passphrase that a key cannot be put under, before there is a key. @throws TrustError `passphrase-wrong` */
export function checkPassphrase(passphrase: string): void {
  if (normalPassphrase(passphrase).length >= MIN_PASSPHRASE && passphrase.length <= MAX_PASSPHRASE) return
  throw new TrustError(
    'passphrase-wrong',
    `A passphrase has ${MIN_PASSPHRASE} to ${MAX_PASSPHRASE} characters: choose another.`,
  )
}

/**
 * The form of a passphrase that keys are made from: no space around it (a file ends with a line feed), one form of accented
 * letters whatever keyboard they came from. One that looks generated is read as a person may have copied it: in capitals,
 * without the dashes, with o for 0, and i or l for 1.
 */
export function normalPassphrase(text: string): string {
  const plain = text.normalize('NFKC').trim()
  const letters = plain
    .toLowerCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll(/[ilo]/g, (letter) => READ_AS.get(letter) ?? letter)
  return GENERATED.test(letters) ? letters : plain
}

const GENERATED = new RegExp(`^[${LETTERS}]{${LENGTH}}$`)
