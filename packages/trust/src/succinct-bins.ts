import { createHash } from 'node:crypto'

/** A succinct delegation (TAP 15): 2^bitLength bins, each target in one of them by the first bits of its path's sha256. */
export interface SuccinctBins {
  readonly bitLength: number
  readonly namePrefix: string
}

/** How many bins there are. */
export function binCount({ bitLength }: SuccinctBins): number {
  return 2 ** bitLength
}

/** The name of the bin with this number: prefix, hyphen, and the number in as many hexadecimal digits as the last one needs. */
export function binName({ bitLength, namePrefix }: SuccinctBins, number: number): string {
  const digits = (2 ** bitLength - 1).toString(16).length
  return `${namePrefix}-${number.toString(16).padStart(digits, '0')}`
}

/** The number of the bin that a target path belongs to. */
export function binOf({ bitLength }: SuccinctBins, targetPath: string): number {
  const head = createHash('sha256').update(targetPath).digest().readUInt32BE(0)
  return bitLength === 0 ? 0 : head >>> (32 - bitLength)
}

/** Whether `role` is one of the bins, spelt exactly as `binName` does. */
export function isBinName(bins: SuccinctBins, role: string): boolean {
  const suffix = role.slice(bins.namePrefix.length + 1)
  if (!/^[\da-f]{1,8}$/.test(suffix)) return false
  const number = Number.parseInt(suffix, 16)
  return number < binCount(bins) && binName(bins, number) === role
}
