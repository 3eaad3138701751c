import { InvalidArgumentError } from 'commander'

/** The value of an option that counts or names something from 1 on. @throws InvalidArgumentError */
export function positive(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be a number, 1 at least.')
}
