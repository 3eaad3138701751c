import { normalizeProjectName } from '@waxseal/packaging'
import { z } from 'zod'
import { actorOf } from '../access/actor.ts'
import type { Actor } from '../access/actor.ts'
import { mayAdminister, mayCreateToken, mayManageToken, mayRead } from '../access/permissions.ts'
import type { Requester } from '../access/permissions.ts'
import { createToken, listTokens, revokeToken } from '../access/tokens.ts'
import { createUser, disableUser, enableUser, listUsers } from '../access/users.ts'
import type { Management } from '../releases/management.ts'
import type { ChangeOutcome } from '../releases/lifecycle.ts'
import type { RefusalCode } from './refusal-catalogue.ts'

/** What a management route answers: a document, or a refusal of the catalogue. */
export type ManagementAnswer =
  | { readonly kind: 'answer'; readonly status: 200 | 201; readonly body: unknown }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message?: string }

/** What every route may use. */
export interface ManagementContext {
  readonly management: Management
  readonly who: Requester
  /** The client's. */
  readonly address: string
  readonly reading: 'public' | 'private'
}

/** One route of `/api/v1/`: the schemas that validate it are the ones that describe it (design.md section 6). */
export interface ManagementRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** OpenAPI form, below `/api/v1`. */
  readonly path: string
  readonly summary: string
  readonly params: z.ZodObject
  readonly body?: z.ZodType
  readonly response: z.ZodType
  handle(context: ManagementContext, params: unknown, body: unknown): Promise<ManagementAnswer>
}

const projectName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/)
  .transform((name) => normalizeProjectName(name))
/** Every text is one line: it stands on terminals, in logs, and in PostgreSQL, which stores neither NUL nor half characters. */
const line = (longest: number): z.ZodString =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text without control characters')
const version = line(128).min(1)
const reason = line(1000)
const userName = line(64)
const scope = z.enum(['read', 'upload', 'admin'])

const changed = z.object({
  changed: z.boolean(),
  snapshot: z.number().int().meta({ description: 'The newest snapshot.' }),
})
const token = z.object({
  id: z.string(),
  user: z.string(),
  scope,
  project: z.string().nullable(),
  label: z.string().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
})
const user = z.object({
  name: z.string(),
  admin: z.boolean(),
  hasPassword: z.boolean(),
  createdAt: z.string(),
  disabledAt: z.string().nullable(),
})

/** Keeps a route's schemas and its handler in step; the list itself is of one type. */
function route<P extends z.ZodObject, B extends z.ZodType = z.ZodUndefined>(definition: {
  readonly method: ManagementRoute['method']
  readonly path: string
  readonly summary: string
  readonly params: P
  readonly body?: B
  readonly response: z.ZodType
  readonly handle: (context: ManagementContext, params: z.output<P>, body: z.output<B>) => Promise<ManagementAnswer>
}): ManagementRoute {
  return {
    ...definition,
    handle: (context, params, body) => definition.handle(context, params as z.output<P>, body as z.output<B>),
  }
}

function denied(who: Requester): ManagementAnswer {
  return { kind: 'refused', code: who.kind === 'anonymous' ? 'unauthorized' : 'token-scope' }
}

async function change(
  { management, who, address }: ManagementContext,
  project: string | null,
  work: (actor: Actor) => Promise<ChangeOutcome>,
): Promise<ManagementAnswer> {
  if (who.kind === 'anonymous' || !mayAdminister(who, project)) return denied(who)
  const outcome = await work(actorOf(who, address))
  if (outcome.kind === 'refused') return outcome
  const snapshot = await management.settled()
  return { kind: 'answer', status: 200, body: { changed: outcome.kind === 'done', snapshot } }
}

function answer(body: unknown, status: 200 | 201 = 200): ManagementAnswer {
  return { kind: 'answer', status, body }
}

const projectParams = z.object({ project: projectName })
const releaseParams = z.object({ project: projectName, version })

/** Every management route there is; the OpenAPI document is made from this list. */
export const MANAGEMENT_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/projects/{project}',
    summary: 'Explain a project: who answers for it, what is offered, what is withheld, who decided',
    params: projectParams,
    response: z.looseObject({ project: z.string(), authority: z.string(), sentence: z.string() }),
    async handle({ management, who, reading }, { project }) {
      if (!mayRead(who, project, reading)) return denied(who)
      return answer(await management.explain(project))
    },
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/claim',
    summary: 'Make a name internal, whatever upstreams have; it never falls back to them',
    params: projectParams,
    body: z
      .strictObject({
        prohibited: z.boolean().optional().meta({ description: 'Although no project may have the name.' }),
        lookAlike: z.boolean().optional().meta({ description: 'Although it is easily taken for another one.' }),
      })
      .default({}),
    response: changed,
    handle: (context, { project }, consent) =>
      change(context, null, (actor) => context.management.claim(project, actor, consent)),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/status',
    summary: 'Set the status of a project (PEP 792)',
    params: projectParams,
    body: z.strictObject({
      status: z.enum(['active', 'archived', 'quarantined', 'deprecated']),
      reason: reason.optional(),
    }),
    response: changed,
    handle: (context, { project }, body) =>
      change(context, project, (actor) => {
        const administrator = mayAdminister(context.who, null)
        return context.management.setStatus(project, { ...body, administrator }, actor)
      }),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}',
    summary: 'Delete all files of a project; its name stays internal and its file names stay used',
    params: projectParams,
    response: changed,
    handle: (context, { project }) =>
      change(context, project, (actor) => context.management.deleteProject(project, actor)),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/releases/{version}/yank',
    summary: 'Yank a release, or one file of it, with a reason (PEP 592)',
    params: releaseParams,
    body: z.strictObject({ reason: reason.optional(), filename: line(255).optional() }).default({}),
    response: changed,
    handle: (context, { project, version }, { reason, filename }) =>
      change(context, project, (actor) => context.management.yank({ project, version, filename }, reason, actor)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/releases/{version}/yank',
    summary: 'Take the yank of a release back',
    params: releaseParams,
    response: changed,
    handle: (context, { project, version }) =>
      change(context, project, (actor) => context.management.unyank({ project, version }, actor)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/releases/{version}',
    summary: 'Delete a release; its file names stay used for ever',
    params: releaseParams,
    response: changed,
    handle: (context, { project, version }) =>
      change(context, project, (actor) => context.management.deleteRelease(project, version, actor)),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/files/{filename}',
    summary: 'Delete one file; its name stays used for ever',
    params: z.object({ project: projectName, filename: line(255) }),
    response: changed,
    handle: (context, { project, filename }) =>
      change(context, project, (actor) => context.management.deleteFile(project, filename, actor)),
  }),
  route({
    method: 'GET',
    path: '/tokens',
    summary: 'List the tokens that you may manage',
    params: z.object({}),
    response: z.object({ tokens: z.array(token) }),
    async handle({ management, who }) {
      if (who.kind === 'anonymous') return denied(who)
      return answer({ tokens: await listTokens(management.store, who) })
    },
  }),
  route({
    method: 'POST',
    path: '/tokens',
    summary: 'Create a token, as an administrator or signed in with a password; its text is answered this once',
    params: z.object({}),
    body: z.strictObject({
      user: userName.optional(),
      scope,
      project: projectName.optional(),
      label: line(200).optional(),
      expires: z.iso.datetime().optional(),
    }),
    response: z.object({ id: z.string(), token: z.string() }),
    async handle({ management, who, address }, _params, body) {
      if (who.kind === 'anonymous') return denied(who)
      const wanted = { user: body.user ?? who.user, scope: body.scope, project: body.project ?? null }
      if (!mayManageToken(who, wanted)) return denied(who)
      if (!mayCreateToken(who, wanted)) {
        const message =
          'A token cannot make another one: sign in with your password, or ask an administrator for a token.'
        return { kind: 'refused', code: 'token-scope', message }
      }
      const made = await createToken(management.store, management.clock, {
        user: wanted.user,
        by: actorOf(who, address),
        scope: body.scope,
        ...(body.project === undefined ? {} : { project: body.project }),
        ...(body.label === undefined ? {} : { label: body.label }),
        ...(body.expires === undefined ? {} : { expiresAt: body.expires }),
      })
      return answer(made, 201)
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'Revoke a token',
    params: z.object({ id: line(64) }),
    response: z.object({ revoked: z.literal(true) }),
    async handle({ management, who, address }, { id }) {
      if (who.kind === 'anonymous') return denied(who)
      const revoked = await revokeToken(management.store, management.clock, who, id, actorOf(who, address))
      return revoked ? answer({ revoked }) : { kind: 'refused', code: 'not-found', message: `There is no token ${id}.` }
    },
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'List users',
    params: z.object({}),
    response: z.object({ users: z.array(user) }),
    async handle({ management, who }) {
      if (!mayAdminister(who, null)) return denied(who)
      return answer({ users: await listUsers(management.store) })
    },
  }),
  route({
    method: 'POST',
    path: '/users',
    summary: 'Create a user',
    params: z.object({}),
    body: z.strictObject({ name: userName, admin: z.boolean().optional(), password: line(1000).optional() }),
    response: z.object({ name: z.string() }),
    async handle({ management, who, address }, _params, { name, admin, password }) {
      if (who.kind === 'anonymous' || !mayAdminister(who, null)) return denied(who)
      await createUser(management.store, management.clock, {
        name,
        by: actorOf(who, address),
        ...(admin === undefined ? {} : { admin }),
        ...(password === undefined ? {} : { password }),
      })
      return answer({ name }, 201)
    },
  }),
  route({
    method: 'PUT',
    path: '/users/{name}/disabled',
    summary: 'Disable a user, or enable it again',
    params: z.object({ name: userName }),
    body: z.strictObject({ disabled: z.boolean() }),
    response: z.object({ name: z.string(), disabled: z.boolean() }),
    async handle({ management, who, address }, { name }, { disabled }) {
      if (who.kind === 'anonymous' || !mayAdminister(who, null)) return denied(who)
      const by = actorOf(who, address)
      if (disabled) await disableUser(management.store, management.clock, name, by)
      else await enableUser(management.store, management.clock, name, by)
      return answer({ name, disabled })
    },
  }),
]
