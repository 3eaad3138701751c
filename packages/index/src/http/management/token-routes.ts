import { z } from 'zod'
import { actorOf } from '../../access/actor.ts'
import { mayCreateToken, mayManageToken } from '../../access/permissions.ts'
import { createToken, listTokens, revokeToken } from '../../access/tokens.ts'
import { answer, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { line, projectName, scope, userName } from './schemas.ts'

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
/** Tokens: everybody's own, and administrators everybody's. */
export const TOKEN_ROUTES: readonly ManagementRoute[] = [
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
]
