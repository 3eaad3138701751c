import type { Refusal } from '../releases/refusal.ts'

/** What became of a change of the register, which changes nothing that is offered. */
export type RegisterOutcome = { readonly kind: 'done' } | { readonly kind: 'unchanged' } | Refusal
