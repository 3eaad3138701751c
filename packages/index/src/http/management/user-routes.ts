import { z } from 'zod'
import { actorOf } from '../../access/actor.ts'
import { mayAdminister } from '../../access/permissions.ts'
import { createUser, disableUser, enableUser, listUsers } from '../../access/users.ts'
import { answer, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { line, userName } from './schemas.ts'

const user = z.object({
  name: z.string(),
  admin: z.boolean(),
  hasPassword: z.boolean(),
  createdAt: z.string(),
  disabledAt: z.string().nullable(),
})

/** Users, for administrators. */
export const USER_ROUTES: readonly ManagementRoute[] = [
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
