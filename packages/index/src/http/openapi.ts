import { z } from 'zod'
import { MANAGEMENT_ROUTES } from './management-routes.ts'
import type { ManagementRoute } from './management-routes.ts'

/** The OpenAPI 3.1 description of `/api/v1/`, made from the schemas that validate its requests. */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of MANAGEMENT_ROUTES) {
    const operations = (paths[route.path] ??= {})
    operations[route.method.toLowerCase()] = operation(route)
  }
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

function operation(route: ManagementRoute): Record<string, unknown> {
  const success = route.method === 'POST' && !route.path.includes('{') ? '201' : '200'
  return {
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^a-z]+/g, '-')}`,
    parameters: Object.keys(route.params.shape).map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
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
      default: {
        description: 'Refused.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}
