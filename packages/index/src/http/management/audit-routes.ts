import { z } from 'zod'
import { mayAdminister } from '../../access/permissions.ts'
import { DEFAULT_AUDIT, MAX_AUDIT } from '../../limits.ts'
import { readAudit } from '../../telemetry/read-audit.ts'
import { line } from './schemas.ts'
import { answer, denied, route } from './route.ts'
import type { ManagementRoute } from './route.ts'

const auditRecord = z.object({
  id: z.int().meta({ description: 'Counts up by one, in the order of the commits.' }),
  at: z.string(),
  actor: z.string().nullable().meta({ description: 'Null: the server, or nobody knows.' }),
  credential: z.string().nullable().meta({ description: 'Id of the token, or `password`.' }),
  address: z.string().nullable(),
  action: z.string(),
  subject: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  prev: z.string().nullable().meta({ description: 'The hash of the record before.' }),
  hash: z.string().meta({ description: 'The sha256 of this record as JSON, without its hash.' }),
})

export const AUDIT_ROUTES: readonly ManagementRoute[] = [
  route({
    method: 'GET',
    path: '/audit',
    summary: 'List what was done, by whom and from where, the oldest first; the next page is after the last id',
    params: z.object({}),
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(MAX_AUDIT).default(DEFAULT_AUDIT),
      since: z.iso.datetime({ offset: true }).optional(),
      actor: line(64).optional(),
      subject: line(255).optional(),
      action: line(64).optional(),
    }),
    response: z.object({ records: z.array(auditRecord) }),
    async handle({ management, who }, _params, _body, { after, limit, since, ...filter }) {
      if (!mayAdminister(who, null)) return denied(who)
      const from = since === undefined ? undefined : new Date(since).toISOString()
      return answer({ records: await readAudit(management.store, after, limit, { ...filter, since: from }) })
    },
  }),
]
