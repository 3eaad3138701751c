import { z } from 'zod'
import { SERVER } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { Store } from '../store/store.ts'
import { OPEN_DEFAULT, UNCLAIMED_MODES } from './default-policy.ts'
import type { DefaultPolicy } from './default-policy.ts'
import type { ConfiguredNames } from './live-names.ts'
import { recordAction } from '../telemetry/events.ts'

const KEY = 'names'
const SECONDS_A_DAY = 86_400
/** Its row is there from a restore until a server was started on what was restored. */
export const RESTORED_UNSERVED = 'restored-unserved'

const schema = z.object({
  prefixes: z.array(z.string()),
  upstreams: z.array(z.string()),
  /** Those of `upstreams`, in the same order. A version that notes neither may have written the row. */
  urls: z.array(z.string()).optional(),
  reading: z.enum(['public', 'private']).optional(),
  /** What holds for names that nobody claimed. */
  policy: z
    .object({
      unclaimed: z.array(z.object({ pattern: z.string(), mode: z.enum(UNCLAIMED_MODES) })),
      cooldown: z.int(),
      approvals: z.int(),
    })
    .optional(),
})

/** What decides which names an index has, whose they are, and who may read them. */
export interface Meaning {
  readonly prefixes: readonly string[]
  /** In the order in which an undecided name is looked for; without credentials. */
  readonly upstreams: readonly { readonly name: string; readonly url: string }[]
  readonly reading: 'public' | 'private'
  readonly policy: DefaultPolicy
}

/** `Meaning` as far as it was noted. */
export type NotedMeaning = Pick<Meaning, 'prefixes'> & {
  readonly upstreams: readonly { readonly name: string; readonly url?: string }[]
  readonly reading?: Meaning['reading']
  readonly policy?: DefaultPolicy
}

/**
 * Notes what the running server was told about names, for commands that work beside it and were not told, and for whoever
 * restores the index one day.
 */
export async function saveServedNames(store: Store, clock: Clock, now: Meaning): Promise<void> {
  const { prefixes, upstreams, reading, policy } = now
  const value = JSON.stringify({
    prefixes: [...prefixes],
    upstreams: upstreams.map(({ name }) => name),
    urls: upstreams.map(({ url }) => url),
    reading,
    policy: { ...policy, unclaimed: [...policy.unclaimed] },
  } satisfies z.infer<typeof schema>)
  const keys = [KEY, RESTORED_UNSERVED]
  const [saved, ...more] = await store.db.selectFrom('setting').selectAll().where('key', 'in', keys).execute()
  // A start that has nothing to say needs neither space nor the database's lock.
  if (saved?.key === KEY && saved.value === value && more.length === 0) return
  await store.transaction(async (tx) => {
    const then = await readMeaning({ db: tx })
    const differences = then === undefined ? [] : differencesOf(then, now)
    await tx
      .insertInto('setting')
      .values({ key: KEY, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute()
    await tx.deleteFrom('setting').where('key', '=', RESTORED_UNSERVED).execute()
    if (differences.length === 0) return
    // Who has changed the configuration the server does not know.
    await recordAction(tx, {
      kind: 'configuration-changed',
      at: isoTime(clock),
      by: SERVER,
      project: null,
      before: then,
      after: now,
      detail: { differences },
    })
  })
}

/** What the last server on this database was told about names; undefined before the first. */
export async function readServedNames(store: Store): Promise<ConfiguredNames | undefined> {
  const noted = await readMeaning(store)
  return (
    noted && {
      prefixes: noted.prefixes,
      upstreams: noted.upstreams.map(({ name }) => name),
      policy: noted.policy ?? OPEN_DEFAULT,
    }
  )
}

/** How this database was last served; undefined before the first time. */
export async function readMeaning({ db }: Pick<Store, 'db'>): Promise<NotedMeaning | undefined> {
  const row = await db.selectFrom('setting').select('value').where('key', '=', KEY).executeTakeFirst()
  if (row === undefined) return undefined
  const { prefixes, upstreams, urls, reading, policy } = schema.parse(JSON.parse(row.value))
  return {
    prefixes,
    upstreams: upstreams.map((name, at) => ({ name, ...(urls?.[at] === undefined ? {} : { url: urls[at] }) })),
    ...(reading === undefined ? {} : { reading }),
    ...(policy === undefined ? {} : { policy }),
  }
}

/**
 * Refuses to serve a restored index for the first time with another meaning than it had (attacks.md DC-19): without the
 * prefixes of then upstreams are asked for its own names, and without `private` everybody may read them.
 *
 * @throws IndexError `config-invalid` that says what differs
 */
export async function refuseOtherMeaning(store: Store, now: Meaning): Promise<void> {
  const mark = store.db.selectFrom('setting').select('key').where('key', '=', RESTORED_UNSERVED)
  if ((await mark.executeTakeFirst()) === undefined) return
  const then = await readMeaning(store)
  const differences = then === undefined ? [] : differencesOf(then, now)
  if (differences.length === 0) return
  throw new IndexError(
    'config-invalid',
    `This index was restored, and was served otherwise: ${differences.join('; ')}. Start it with the configuration of then, or once with --accept-config if it is to be served as it is configured now.`,
  )
}

/** In what two meanings differ, a clause each; what was not noted differs. The order of prefixes means nothing. */
export function differencesOf(then: NotedMeaning, now: Meaning): readonly string[] {
  const told = (meaning: NotedMeaning): readonly (readonly [verb: string, what: string])[] => [
    ['prefixes were', meaning.prefixes.toSorted().join(', ') || 'none'],
    [
      'upstreams were',
      meaning.upstreams.map(({ name, url = 'an unknown address' }) => `${name} (${url})`).join(', ') || 'none',
    ],
    ['reading was', meaning.reading ?? 'not noted'],
    // A version that knew no other noted none.
    ['the default was', policyWords(meaning.policy ?? OPEN_DEFAULT)],
  ]
  const other = told(now)
  return told(then).flatMap(([verb, before], at) => {
    const after = other[at]?.[1]
    return after === before ? [] : [`${verb} ${before}, now ${verb.endsWith('was') ? 'it is' : 'they are'} ${after}`]
  })
}

function ageText(seconds: number): string {
  const days = seconds / SECONDS_A_DAY
  return Number.isInteger(days) ? `${days} day${days === 1 ? '' : 's'}` : `${seconds} seconds`
}

/** What holds for names that nobody claimed, in a few words. */
export function policyWords({ unclaimed, cooldown, approvals }: DefaultPolicy): string {
  const rules = [
    ...unclaimed.map(({ pattern, mode }) => `${pattern} ${mode}`),
    ...(unclaimed.some(({ pattern }) => pattern === '*') ? [] : ['* open']),
  ]
  return [
    rules.join(', '),
    ...(cooldown === 0 ? [] : [`files ${ageText(cooldown)} old`]),
    ...(approvals === 1 ? [] : [`${approvals} approvals`]),
  ].join('; ')
}
