import type { IncomingMessage, ServerResponse } from 'node:http'
import { noteCache } from '../telemetry/request-record.ts'
import { ifNoneMatchHolds } from './entity-tag.ts'
import type { Representation } from './representation-cache.ts'

/**
 * Answers a GET or HEAD with a prepared representation: 304 when the client has it, else 200. Nothing is computed per
 * request but the comparison of tags; the bar is 2.5 times nginx (design.md section 12).
 */
export function sendBody(req: IncomingMessage, res: ServerResponse, representation: Representation): void {
  const ifNoneMatch = req.headers['if-none-match']
  if (ifNoneMatch !== undefined && ifNoneMatchHolds(ifNoneMatch, representation.etag)) {
    noteCache(res, 'revalidated')
    res.writeHead(304, representation.notModifiedHeaders as string[])
    res.end()
    return
  }
  res.writeHead(200, representation.headers as string[])
  if (req.method === 'HEAD') res.end()
  else res.end(representation.bytes)
}
