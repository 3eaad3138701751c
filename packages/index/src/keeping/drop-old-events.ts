import type { Clock } from '../clock.ts'
import { EVENTS_OF_STRANGERS, EVENTS_OF_STRANGERS_MS, GARBAGE_BATCH } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { EventKind } from '../telemetry/events.ts'

/** What nobody decided, and strangers can cause as often as they like; all else stays. */
const OF_STRANGERS = [
  'login-failures',
  'upstream-down',
  'upstream-up',
  // Anybody can register names at a public index, and give them up again.
  'upstream-collision',
  'upstream-collision-gone',
  'upstream-under-namespace',
  'upstream-under-namespace-gone',
  'upstream-look-alike',
  'upstream-look-alike-gone',
] as const satisfies readonly EventKind[]

/** Deletes events of strangers' making: those of `EVENTS_OF_STRANGERS_MS` ago, and all but the newest `most` of a kind. */
export async function dropOldEvents(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  options: { readonly dryRun: boolean; readonly held?: AbortSignal | undefined; readonly most?: number },
): Promise<number> {
  const { dryRun, held, most = EVENTS_OF_STRANGERS } = options
  const events = store.db.selectFrom('event')
  const cutoff = new Date(clock.now() - EVENTS_OF_STRANGERS_MS).toISOString()
  let dropped = 0
  for (const kind of OF_STRANGERS) {
    const ofKind = events.select('id').where('kind', '=', kind)
    const newest = await ofKind.orderBy('id', 'desc').offset(most).limit(1).executeTakeFirst()
    const old = ofKind.where((eb) => eb.or([eb('at', '<', cutoff), eb('id', '<=', newest?.id ?? 0)]))
    for (let after = 0; ;) {
      const some = await old.where('id', '>', after).orderBy('id').limit(GARBAGE_BATCH).execute()
      const last = some.at(-1)
      if (last === undefined) break
      after = last.id
      dropped += some.length
      if (dryRun) continue
      held?.throwIfAborted()
      const ids = some.map(({ id }) => id)
      // Nothing that is offered changes, so there is no journal row.
      await store.transaction((tx) => tx.deleteFrom('event').where('id', 'in', ids).execute())
    }
  }
  return dropped
}
