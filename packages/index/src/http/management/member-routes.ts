import { z } from 'zod'
import { mayRead } from '../../access/permissions.ts'
import { addMember, removeMember } from '../../register/change-members.ts'
import { holderText } from '../../register/holder.ts'
import { membersOf } from '../../register/members.ts'
import { answer, change, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { changed, holder, holderName, projectName, projectParams } from './schemas.ts'

const role = z.enum(['owner', 'maintainer'])
const memberParams = z.object({ project: projectName, holder })

/** Who owns and maintains a project. */
export const MEMBER_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/projects/{project}/members',
    summary: 'List who owns and maintains a project',
    params: projectParams,
    response: z.object({ members: z.array(z.object({ holder: holderName, role, since: z.string() })) }),
    async handle({ management, who, reading }, { project }) {
      // Whose a project is tells whom to attack: for those who have credentials.
      if (who.kind === 'anonymous' || !mayRead(who, project, reading)) return denied(who)
      const members = await membersOf(management.store.db, project)
      return answer({ members: members.map(({ role, since, ...one }) => ({ holder: holderText(one), role, since })) })
    },
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/members/{holder}',
    summary: 'Make a user or a team (`team:NAME`) an owner or a maintainer of a project',
    params: memberParams,
    body: z.strictObject({ role }),
    response: changed,
    handle: (context, { project, holder }, { role }) =>
      change(context, project, 'owner', (acting) => {
        const { store, clock } = context.management
        return addMember(store, clock, { project, holder, role, ...acting })
      }),
  }),
  route({
    method: 'DELETE',
    path: '/projects/{project}/members/{holder}',
    summary: 'Take a user or a team out of a project; the tokens for it alone of those who left are revoked',
    params: memberParams,
    response: changed,
    handle: (context, { project, holder }) =>
      change(context, project, 'owner', (acting) => {
        const { store, clock } = context.management
        return removeMember(store, clock, { project, holder, ...acting })
      }),
  }),
]
