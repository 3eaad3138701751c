import type { Offer } from '../releases/offers.ts'
import type { Refusal } from './refuse.ts'

/** How it is told that nothing true can be said about `name` at the moment: never as its absence. */
export function unavailableOffer(name: string, offer: Extract<Offer, { readonly kind: 'unavailable' }>): Refusal {
  const { upstream, reason, retryAfterMs, unasked } = offer
  if (unasked !== undefined) {
    return { code: 'offline', detail: `Whether ${name} exists cannot be said: nothing of it is kept here. ${reason}` }
  }
  return {
    code: 'upstream-unavailable',
    detail: `Whether ${name} exists cannot be said now: the upstream ${upstream} does not answer. ${reason}`,
    ...(retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs / 1000 }),
  }
}
