import { z } from 'zod'
import { actorOf } from '../../access/actor.ts'
import { mayAdminister, mayRead } from '../../access/permissions.ts'
import { changedDocument } from '../../releases/change-outcome.ts'
import type { KnownRequest } from '../../requests/reading.ts'
import { answer, denied, route } from './route.ts'
import type { ManagementContext, ManagementRoute } from './route.ts'
import { changed, projectName, reason, version } from './schemas.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256: 64 hexadecimal digits in lower case')
const state = z.enum(['open', 'approved', 'declined', 'withdrawn'])
const file = z.object({ filename: z.string(), sha256: z.string() })
const request = z.object({
  id: z.number().int(),
  project: z.string(),
  version: z.string().nullable(),
  files: z.array(file),
  reason: z.string().nullable(),
  askedBy: z.string().nullable().meta({ description: 'Null: somebody without a token.' }),
  address: z.string().nullable(),
  at: z.string(),
  state,
  answeredBy: z.string().nullable(),
  answeredAt: z.string().nullable(),
  answer: z.string().nullable(),
})
const params = z.object({ id: z.coerce.number().int().min(1) })

/** Whether the request is there for whoever asks: an administrator, or who made it. */
function maySee({ who }: ManagementContext, { askedBy }: KnownRequest): boolean {
  return mayAdminister(who, null) || (who.kind === 'principal' && askedBy === who.user)
}

/** What people who were refused ask for, and how it is answered. */
export const REQUEST_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'POST',
    path: '/requests',
    summary: 'Ask for what is withheld of a project: those who decide see it, with the hashes that it has now',
    openToReaders: true,
    params: z.object({}),
    body: z.strictObject({ project: projectName, version: version.optional(), reason: reason.optional() }),
    response: z.object({
      id: z.number().int(),
      version: z.string().nullable(),
      files: z.array(file),
      isNew: z.boolean().meta({ description: 'False: you asked for the same before.' }),
    }),
    async handle({ management, who, address, reading }, _params, body) {
      if (!mayRead(who, body.project, reading)) return denied(who)
      const actor = who.kind === 'anonymous' ? { name: null, credential: null, address } : actorOf(who, address)
      const outcome = await management.ask(body, actor)
      if (outcome.kind === 'refused') return outcome
      const { kind: _, ...asked } = outcome
      return answer(asked, asked.isNew ? 201 : 200)
    },
  }),
  route({
    method: 'GET',
    path: '/requests',
    summary: 'List what was asked for: an administrator all of it, everybody else what they asked for',
    params: z.object({}),
    query: z.strictObject({ state: state.optional() }),
    response: z.object({ requests: z.array(request) }),
    async handle({ management, who }, _params, _body, { state: wanted }) {
      if (who.kind === 'anonymous') return denied(who)
      const askedBy = mayAdminister(who, null) ? undefined : who.user
      return answer({ requests: await management.requests({ state: wanted, askedBy }) })
    },
  }),
  route({
    method: 'GET',
    path: '/requests/{id}',
    summary: 'Show a request, and what has changed since it was made',
    params,
    response: z.looseObject({ id: z.number().int(), later: z.array(file) }),
    async handle(context, { id }) {
      if (context.who.kind === 'anonymous') return denied(context.who)
      const found = await context.management.request(id)
      if (found === undefined || !maySee(context, found)) {
        return { kind: 'refused', code: 'not-found', message: `There is no request ${id}.` }
      }
      return answer(found)
    },
  }),
  route({
    method: 'POST',
    path: '/requests/{id}/answer',
    summary: 'Approve exactly these hashes of a request, or decline it; whoever made it may withdraw it',
    params,
    body: z.union([
      z.strictObject({ approve: z.array(sha256).min(1).max(500), reason: reason.optional() }),
      z.strictObject({ decline: z.literal(true), reason: reason.min(1) }),
      z.strictObject({ withdraw: z.literal(true) }),
    ]),
    response: changed,
    async handle({ management, who, address }, { id }, body) {
      if (who.kind === 'anonymous') return denied(who)
      const given =
        'approve' in body
          ? ({ kind: 'approve', sha256s: body.approve, reason: body.reason } as const)
          : 'decline' in body
            ? ({ kind: 'decline', reason: body.reason } as const)
            : ({ kind: 'withdraw' } as const)
      const acting = { actor: actorOf(who, address), administrator: mayAdminister(who, null) }
      const outcome = await management.answerRequest(id, given, acting)
      if (outcome.kind === 'refused') return outcome
      return answer({ ...changedDocument(outcome), snapshot: await management.settled() })
    },
  }),
]
