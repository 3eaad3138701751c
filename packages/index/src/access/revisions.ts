import type { Store } from '../store/store.ts'

const revisions = new WeakMap<Store, number>()

/** Moves whenever this process has changed a user or a token of `store`: what was remembered before is then out of date. */
export function accessRevision(store: Store): number {
  return revisions.get(store) ?? 0
}

/** To be called when such a change is committed. */
export function accessChanged(store: Store): void {
  revisions.set(store, accessRevision(store) + 1)
}
