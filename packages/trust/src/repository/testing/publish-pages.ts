import type { MetadataStore } from '../metadata-store.ts'
import { openRepository } from '../open-repository.ts'
import { planPublish } from '../plan-publish.ts'
import type { Plan, Signers } from '../repository-state.ts'
import { sampleTable, START, target } from './sample-repository.ts'

/** Plans one publish of two pages on top of what is stored, with the next root where there is one. */
export async function planPages(store: MetadataStore, signers: Signers, root: Uint8Array | undefined): Promise<Plan> {
  const { state } = await openRepository(sampleTable(), store)
  const targets = ['six', 'pip'].map((name) => ({
    role: 'bins',
    path: `simple/${name}/index.json`,
    target: target(name),
  }))
  const effects = { snapshot: state.snapshot.version + 1, now: START, signers, load: store.load }
  return await planPublish(state, { root, targets }, effects)
}
