import { z } from 'zod'
import { createTeam, deleteTeam, joinTeam, leaveTeam, listTeams } from '../../register/teams.ts'
import { answer, change, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { changed, userName } from './schemas.ts'

const teamParams = z.object({ team: userName })
const memberParams = z.object({ team: userName, user: userName })

/** Teams, which administrators make up. */
export const TEAM_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/teams',
    summary: 'List the teams and who is in them',
    params: z.object({}),
    response: z.object({ teams: z.array(z.object({ name: z.string(), members: z.array(z.string()) })) }),
    async handle({ management, who }) {
      return who.kind === 'anonymous' ? denied(who) : answer({ teams: await listTeams(management.store) })
    },
  }),
  route({
    method: 'PUT',
    path: '/teams/{team}',
    summary: 'Make a team',
    params: teamParams,
    response: changed,
    handle: (context, { team }) =>
      change(context, null, 'administrator', ({ actor }) => {
        const { store, clock } = context.management
        return createTeam(store, clock, team, actor)
      }),
  }),
  route({
    method: 'DELETE',
    path: '/teams/{team}',
    summary: 'Delete a team that is a member of no project',
    params: teamParams,
    response: changed,
    handle: (context, { team }) =>
      change(context, null, 'administrator', ({ actor }) => {
        const { store, clock } = context.management
        return deleteTeam(store, clock, team, actor)
      }),
  }),
  route({
    method: 'PUT',
    path: '/teams/{team}/members/{user}',
    summary: 'Put a user into a team',
    params: memberParams,
    response: changed,
    handle: (context, params) =>
      change(context, null, 'administrator', ({ actor }) => {
        const { store, clock } = context.management
        return joinTeam(store, clock, { ...params, actor })
      }),
  }),
  route({
    method: 'DELETE',
    path: '/teams/{team}/members/{user}',
    summary: 'Take a user out of a team',
    params: memberParams,
    response: changed,
    handle: (context, params) =>
      change(context, null, 'administrator', ({ actor }) => {
        const { store, clock } = context.management
        return leaveTeam(store, clock, { ...params, actor })
      }),
  }),
]
