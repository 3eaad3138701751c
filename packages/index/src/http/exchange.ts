import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestPath } from './path.ts'

/** One request on its way through the routes. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly path: RequestPath
}
