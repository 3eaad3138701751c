import { z } from 'zod'
import { mayAdminister } from '../../access/permissions.ts'
import { holderText } from '../../register/holder.ts'
import { answerTransfer, askTransfer, openTransfers } from '../../register/transfers.ts'
import { answer, change, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'
import { changed, holder, holderName, projectParams } from './schemas.ts'

const transfer = z.object({
  project: z.string(),
  number: z.number().int(),
  to: holderName,
  askedAt: z.string(),
  askedBy: z.string(),
})

/** Handing projects over. */
export const TRANSFER_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/transfers',
    summary: 'List the transfers that you may answer or have asked for; an administrator all of them',
    params: z.object({}),
    response: z.object({ transfers: z.array(transfer) }),
    async handle({ management, who }) {
      if (who.kind === 'anonymous') return denied(who)
      const open = await openTransfers(management.store.db, mayAdminister(who, null) ? undefined : who.user)
      return answer({ transfers: open.map((one) => ({ ...one, to: holderText(one.to) })) })
    },
  }),
  route({
    method: 'POST',
    path: '/projects/{project}/transfer',
    summary: 'Offer a project to another owner; nothing changes before they accept',
    params: projectParams,
    body: z.strictObject({ to: holder }),
    response: changed,
    handle: (context, { project }, { to }) =>
      change(context, project, 'owner', (acting) => {
        const { store, clock } = context.management
        return askTransfer(store, clock, { project, to, ...acting })
      }),
  }),
  route({
    method: 'PUT',
    path: '/projects/{project}/transfer',
    summary: 'Accept or decline the project that is offered, or withdraw the offer',
    params: projectParams,
    body: z.strictObject({ answer: z.enum(['accepted', 'declined', 'withdrawn']) }),
    response: changed,
    handle: (context, { project }, body) =>
      change(context, project, 'owner', (acting) => {
        const { store, clock } = context.management
        return answerTransfer(store, clock, { project, ...body, ...acting })
      }),
  }),
]
