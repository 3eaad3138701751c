import type { Actor } from '../access/actor.ts'
import { isoTime } from '../clock.ts'
import type { DecisionBody } from '../names/decisions.ts'
import { decisionSentence } from '../names/decisions.ts'
import type { NamespaceChange, NamespaceRefusal, NamespaceWish } from '../names/granting.ts'
import { changeNamespace, endNamespace, grantNamespace, namespaceSubject, unknownNamespace } from '../names/granting.ts'
import type { NamespaceEffect } from '../names/namespace-effect.ts'
import { namespaceEffect, withNamespace, withoutNamespace } from '../names/namespace-effect.ts'
import { configuredNamespace } from '../names/namespaces.ts'
import type { Namespace } from '../names/namespaces.ts'
import { journalCovered } from '../publish/journal.ts'
import type { Transaction } from 'kysely'
import type { Database, DecisionRow } from '../store/schema.ts'
import type { ManagementParts } from './management.ts'

/** What became of a change; `effect` is what it did to names with a record. */
export type NamespaceOutcome =
  | { readonly kind: 'done'; readonly namespace: Namespace; readonly effect: NamespaceEffect }
  | { readonly kind: 'unchanged' }
  | NamespaceRefusal

/** A namespace, and who decided what about it. */
export interface ExplainedNamespace {
  readonly namespace: Namespace
  readonly effect: Pick<NamespaceEffect, 'covered' | 'internal'>
  readonly decisions: readonly (Pick<DecisionRow, 'rev' | 'at' | 'actor'> & { readonly sentence: string })[]
}

/** What administrators do to namespaces, the same for the API and the command line. */
export class NamespaceManagement {
  readonly #parts: Omit<ManagementParts, 'publisher'>

  constructor(parts: Omit<ManagementParts, 'publisher'>) {
    this.#parts = parts
  }

  /** All that hold, those of the configuration too, by name. */
  async list(): Promise<readonly Namespace[]> {
    await this.#read()
    return [...this.#parts.names.namespaces].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async explain(name: string): Promise<ExplainedNamespace | NamespaceRefusal> {
    await this.#read()
    const { store, names } = this.#parts
    const namespace = names.namespaces.get(name)
    if (namespace === undefined) return unknownNamespace(name)
    const decisions = await store.db
      .selectFrom('decision')
      .select(['rev', 'at', 'actor', 'body'])
      .where('project', '=', namespaceSubject(name))
      .orderBy('rev')
      .execute()
    return {
      namespace,
      effect: await namespaceEffect(store.db, name, names, names),
      decisions: decisions.map(({ body, ...row }) => ({
        ...row,
        sentence: decisionSentence(JSON.parse(body) as DecisionBody),
      })),
    }
  }

  /** What granting `name` would do, or ending its grant where it is granted. */
  async effect(name: string): Promise<NamespaceEffect> {
    await this.#read()
    const { store, names } = this.#parts
    const granted = names.namespaces.get(name)
    const isGranted = granted !== undefined && granted.isConfigured === undefined
    const after = isGranted ? withoutNamespace(names, name) : withNamespace(names, configuredNamespace(name))
    return namespaceEffect(store.db, name, names, after)
  }

  async grant(wish: NamespaceWish, actor: Actor): Promise<NamespaceOutcome> {
    const effect = await this.effect(wish.name)
    return this.#change(wish.name, actor, effect, (tx, at) => grantNamespace(tx, wish, { at, actor }))
  }

  async change(name: string, change: NamespaceChange, actor: Actor): Promise<NamespaceOutcome> {
    const nothing = { covered: 0, internal: 0, closes: [], opens: [] }
    return this.#change(name, actor, nothing, (tx, at) => changeNamespace(tx, name, change, { at, actor }))
  }

  async end(name: string, actor: Actor): Promise<NamespaceOutcome> {
    const effect = await this.effect(name)
    return this.#change(name, actor, effect, (tx, at) => endNamespace(tx, name, { at, actor }))
  }

  async #change(
    name: string,
    actor: Actor,
    effect: NamespaceEffect,
    work: (tx: Transaction<Database>, at: string) => Promise<Namespace | NamespaceRefusal | undefined>,
  ): Promise<NamespaceOutcome> {
    const { store, clock, names, current } = this.#parts
    const outcome = await store.transaction(async (tx): Promise<NamespaceOutcome> => {
      const at = isoTime(clock)
      const done = await work(tx, at)
      if (done === undefined) return { kind: 'unchanged' }
      if ('kind' in done) return done
      await journalCovered(tx, name, { action: 'namespace', at, actor: actor.name })
      return { kind: 'done', namespace: done, effect }
    })
    await names.reload?.()
    current.clear()
    return outcome
  }

  /** What another process may have granted. */
  async #read(): Promise<void> {
    await this.#parts.names.reload?.()
  }
}
