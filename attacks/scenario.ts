import type { Defence as GuardDefence } from '@waxseal/guard'
import type { Attempt } from './attempt.ts'
import type { Stage } from './stage.ts'

/**
 * What an attacker holds. NET: the network; MIR: a mirror, CDN or cache; SRV: the index with all its online keys; UPL: the right to
 * upload; TOK: somebody else's token; UPS: a project of an upstream; UPX: an upstream index; INS: an administrator's rights; CLI: a
 * part of the client's configuration; FLT: nothing, it is a fault.
 */
export type Capability = 'NET' | 'MIR' | 'SRV' | 'UPL' | 'TOK' | 'UPS' | 'UPX' | 'INS' | 'CLI' | 'FLT'

/**
 * What the guard does that a bare pip does not; each can be left out in a run, to see that the scenario then falls. Without
 * `exported-trust` a machine begins with the root alone.
 */
export type Defence = GuardDefence | 'clean-environment' | 'exported-trust' | 'options' | 'rendering' | 'proxy'

/** Who stands between the user and the attack. */
export type Column = 'bare' | 'two' | 'guard'

/** One row of docs/attacks.md: an attack as steps that a run takes, once for each column and client. */
export interface Scenario {
  /** As in the catalogue; where one of its attacks is played in several ways, with a word behind it: `EXD-1-lock`. */
  readonly id: string
  readonly title: string
  readonly capability: Capability
  /** What the attacker does with that, in a line. */
  readonly means: string
  /** `bare` and `guard` unless told; `two`: with the attacker's index as a second one. */
  readonly columns?: readonly Column[]
  /** The scenario needs what only the newest pip has. */
  readonly newestOnly?: boolean
  /** What an honest run comes to, as `app 1.0`, sorted; everything else is the attacker's success, but for a refusal. */
  readonly wanted: readonly string[]
  /** Whoever refuses has fallen too: the attack is one on getting anything at all. */
  readonly denies?: boolean
  /** Takes the steps; the last attempt is what counts. */
  play(stage: Stage): Promise<Attempt>
  /** What the guard must come to: a code among what it refused, `installs`, or `nothing` where there is nothing to be got. `remains`: it does not hold, and the documentation says so. */
  readonly guard:
    | { readonly holds: string; readonly defence: Defence }
    /** It holds already for a client that asks this index alone: what the index does is the defence. */
    | { readonly holds: 'index' }
    | { readonly remains: true }
}
