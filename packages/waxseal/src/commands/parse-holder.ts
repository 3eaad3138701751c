import { holderOf } from '@waxseal/index'
import type { Holder } from '@waxseal/index'
import { InvalidArgumentError } from 'commander'

/** `alice` or `team:billing`, as an argument. */
export function parseHolder(text: string): Holder {
  if (/^(?:team:)?[a-z0-9][a-z0-9._-]{0,63}$/.test(text)) return holderOf(text)
  throw new InvalidArgumentError('It is the name of a user, or team: and that of a team.')
}
