import { z } from 'zod'
import { actorOf } from '../../access/actor.ts'
import type { Actor } from '../../access/actor.ts'
import { mayAdminister, mayRead } from '../../access/permissions.ts'
import { mayClaimUnder } from '../../names/may-claim-under.ts'
import type { Namespace } from '../../names/namespaces.ts'
import { isPublic } from '../../names/page-namespaces.ts'
import type { NamespaceOutcome } from '../../releases/namespace-management.ts'
import { answer, denied, route } from './route.ts'
import type { ManagementAnswer, ManagementContext, ManagementRoute } from './route.ts'
import { line, projectName } from './schemas.ts'

const owner = line(100).min(1)
const visibility = z.enum(['public', 'private'])
const claims = z.enum(['offline', 'online'])
const namespace = z.object({
  name: z.string(),
  owner: z.string(),
  visibility,
  claims,
  since: z.string().nullable().meta({ description: 'Null: the configuration says it, and nobody was granted it.' }),
})
const answered = z.array(z.object({ project: z.string(), upstream: z.string() }))
const effect = z.object({
  covered: z.number().int().meta({ description: 'Names under it that something is recorded of.' }),
  internal: z.number().int().meta({ description: 'Those that are internal, and stay so.' }),
  closes: answered.meta({ description: 'Names that an upstream answered for before.' }),
  opens: answered.meta({ description: 'Names that an upstream answers for again.' }),
})
const changed = z.object({
  changed: z.boolean(),
  snapshot: z.number().int().meta({ description: 'The newest snapshot.' }),
  namespace: namespace.optional(),
  effect: effect.optional(),
})
const namespaceParams = z.object({ namespace: projectName })
const terms = { visibility: visibility.default('public'), claims: claims.default('offline') }

/** Namespaces (PEP 752), for those who grant them and those who hold them. */
export const NAMESPACE_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/namespaces',
    summary: 'List the namespaces that you may know: the public ones, your own, and as an administrator all',
    params: z.object({}),
    response: z.object({ namespaces: z.array(namespace) }),
    async handle(context) {
      const { management, who, reading } = context
      if (!mayRead(who, null, reading)) return denied(who)
      const known: Namespace[] = []
      for (const one of await management.namespaces.list()) if (await mayKnow(context, one)) known.push(one)
      return answer({ namespaces: known.map(documentOf) })
    },
  }),
  route({
    method: 'POST',
    path: '/namespaces',
    summary: 'Grant a namespace: names under it are its owner’s, and no upstream answers for them any more',
    params: z.object({}),
    body: z.strictObject({ name: projectName, owner, ...terms }),
    response: changed,
    handle: (context, _params, wish) =>
      change(context, (actor) => context.management.namespaces.grant(wish, actor), 201),
  }),
  route({
    method: 'GET',
    path: '/namespaces/{namespace}',
    summary: 'Show a namespace: what it covers, and who decided what about it',
    params: namespaceParams,
    response: z.object({
      namespace,
      covered: z.number().int(),
      internal: z.number().int(),
      decisions: z.array(z.object({ rev: z.number().int(), at: z.string(), actor: z.string(), sentence: z.string() })),
    }),
    async handle(context, { namespace: name }) {
      const { management, who, reading } = context
      if (!mayRead(who, null, reading)) return denied(who)
      const explained = await management.namespaces.explain(name)
      if ('kind' in explained) return explained
      if (!(await mayKnow(context, explained.namespace))) {
        return { kind: 'refused', code: 'not-found', message: `There is no namespace ${name} that you may know.` }
      }
      return answer({ ...explained.effect, namespace: documentOf(explained.namespace), decisions: explained.decisions })
    },
  }),
  route({
    method: 'GET',
    path: '/namespaces/{namespace}/effect',
    summary: 'Show what granting a namespace would do, or ending its grant where it is granted',
    params: namespaceParams,
    response: effect,
    async handle({ management, who }, { namespace: name }) {
      if (!mayAdminister(who, null)) return denied(who)
      return answer(await management.namespaces.effect(name))
    },
  }),
  route({
    method: 'PUT',
    path: '/namespaces/{namespace}',
    summary: 'Change the owner of a namespace, who may know it, or who has to stand behind names under it',
    params: namespaceParams,
    body: z.strictObject({ owner: owner.optional(), visibility: visibility.optional(), claims: claims.optional() }),
    response: changed,
    handle: (context, { namespace: name }, wish) =>
      change(context, (actor) => context.management.namespaces.change(name, wish, actor)),
  }),
  route({
    method: 'DELETE',
    path: '/namespaces/{namespace}',
    summary: 'End a grant: internal names under it stay internal, all others are as any name that nobody claimed',
    params: namespaceParams,
    response: changed,
    handle: (context, { namespace: name }) =>
      change(context, (actor) => context.management.namespaces.end(name, actor)),
  }),
]

/** Private namespaces are known to administrators and to those who may claim names under them. */
async function mayKnow({ management, who }: ManagementContext, one: Namespace): Promise<boolean> {
  if (isPublic(one) || mayAdminister(who, null)) return true
  if (who.kind === 'anonymous' || who.project !== undefined || one.isConfigured !== undefined) return false
  return await mayClaimUnder(management.store.db, one, who)
}

function documentOf({ name, owner: holder, visibility: seen, claims: by, since, isConfigured }: Namespace): object {
  return { name, owner: holder, visibility: seen, claims: by, since: isConfigured === true ? null : since }
}

async function change(
  { management, who, address }: ManagementContext,
  work: (actor: Actor) => Promise<NamespaceOutcome>,
  status: 200 | 201 = 200,
): Promise<ManagementAnswer> {
  if (who.kind === 'anonymous' || !mayAdminister(who, null)) return denied(who)
  const outcome = await work(actorOf(who, address))
  if (outcome.kind === 'refused') return outcome
  const snapshot = await management.settled()
  if (outcome.kind === 'unchanged') return answer({ changed: false, snapshot })
  const { namespace: one, effect: did } = outcome
  return answer({ changed: true, snapshot, namespace: documentOf(one), effect: did }, status)
}
