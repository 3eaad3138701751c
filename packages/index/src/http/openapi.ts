import { z } from 'zod'
import { MAX_EVENTS } from '../limits.ts'
import { EVENT_KINDS } from '../telemetry/event-log.ts'
import { indexStatusSchema } from '../telemetry/index-status.ts'
import { MANAGEMENT_ROUTES } from './management-routes.ts'
import type { ManagementRoute } from './management/route.ts'

/** The OpenAPI 3.1 description of `/api/v1/`, made from the schemas that validate its requests. */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of MANAGEMENT_ROUTES) {
    const operations = (paths[route.path] ??= {})
    operations[route.method.toLowerCase()] = operation(route)
  }
  for (const [path, described] of Object.entries(OPERATION)) paths[path] = described
  return {
    openapi: '3.1.0',
    info: { title: 'Waxseal management API', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: './' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API token; also as Basic with the user `__token__`.',
        },
      },
      schemas: {
        Problem: z.toJSONSchema(
          z.object({
            type: z.string(),
            title: z.string(),
            status: z.number(),
            detail: z.string(),
            code: z.string().meta({ description: 'Stable; each has a page in the documentation.' }),
          }),
        ),
      },
    },
  }
}

const refused = {
  description: 'Refused.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

const event = z.object({
  id: z.number().int().meta({ description: 'Grows with each commit: whoever has seen one has seen all before it.' }),
  kind: z.string(),
  at: z.string(),
  actor: z.string().nullable(),
  project: z.string().nullable(),
  detail: z.unknown(),
})

/** Routes that answer beside the table of management routes: one of them as a stream. */
const OPERATION: Record<string, Record<string, unknown>> = {
  '/events': {
    get: {
      summary: 'What happened, as a list; as Server-Sent Events also what happens from now on',
      operationId: 'get-events',
      parameters: [
        { name: 'after', in: 'query', schema: { type: 'integer' }, description: 'The id of the last event seen.' },
        { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: MAX_EVENTS } },
        {
          name: 'kind',
          in: 'query',
          schema: { type: 'array', items: { enum: EVENT_KINDS } },
          description: 'Only events of this kind; may be given several times.',
        },
        { name: 'project', in: 'query', schema: { type: 'string' }, description: 'Only events about this project.' },
        { name: 'Last-Event-ID', in: 'header', schema: { type: 'integer' }, description: 'As `after`.' },
      ],
      responses: {
        200: {
          description: 'Done.',
          content: {
            'application/json': { schema: z.toJSONSchema(z.object({ events: z.array(event) })) },
            'text/event-stream': { schema: { type: 'string' } },
          },
        },
        default: refused,
      },
    },
  },
  '/status': {
    get: {
      summary: 'How the index does',
      operationId: 'get-status',
      responses: {
        200: {
          description: 'Done.',
          content: { 'application/json': { schema: z.toJSONSchema(indexStatusSchema) } },
        },
        default: refused,
      },
    },
  },
}

function operation(route: ManagementRoute): Record<string, unknown> {
  const success = route.method === 'POST' && !route.path.includes('{') ? '201' : '200'
  return {
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^a-z]+/g, '-')}`,
    parameters: [
      ...Object.keys(route.params.shape).map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
      ...Object.entries(route.query?.shape ?? {}).map(([name, field]) => ({
        name,
        in: 'query',
        required: false,
        schema: z.toJSONSchema(field, { io: 'input' }),
      })),
    ],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: z.toJSONSchema(route.body, { io: 'input' }) } },
          },
        }),
    responses: {
      [success]: {
        description: 'Done.',
        content: { 'application/json': { schema: z.toJSONSchema(route.response) } },
      },
      default: refused,
    },
  }
}
