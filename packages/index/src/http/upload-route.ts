import type { IncomingMessage } from 'node:http'
import type { Spool } from '../blobs/spool.ts'
import type { Publisher } from '../publish/publisher.ts'
import { acceptUpload } from '../releases/accept-upload.ts'
import type { UploadContext, UploadedBy } from '../releases/accept-upload.ts'
import { readUploadForm } from '../releases/upload-form.ts'
import { recordOf } from '../telemetry/request-record.ts'
import { drain } from './drain.ts'
import type { Exchange } from './exchange.ts'
import type { Refusal } from './refuse.ts'
import { refuseUpload } from './refuse.ts'
import { UPLOAD_FLOOR_WINDOW_MS, UPLOAD_MIN_BYTES_PER_SECOND } from '../limits.ts'
import { ThroughputFloor } from '../upstream/throughput-floor.ts'

export interface UploadParts {
  readonly uploads: UploadContext
  readonly spool: Spool
  readonly publisher: Publisher
}

/** `POST /legacy/`, the upload that twine, uv, Poetry, PDM and flit speak (behaviour.md section 1). */
export async function serveUpload(parts: UploadParts, exchange: Exchange, from: UploadedBy): Promise<void> {
  const { req, res, path } = exchange
  const action = new URLSearchParams(path.query).get(':action') ?? undefined
  const form = await readUploadForm(atLeastTheFloor(req), req.headers['content-type'], {
    spool: parts.spool,
    maxFileSize: parts.uploads.policy.maxFileSize,
  })
  if (form.kind === 'refused') return refuseAndDrain(exchange, { code: form.code, detail: form.message })
  const outcome = await acceptUpload(parts.uploads, { form, ...from, ...(action === undefined ? {} : { action }) })
  if (outcome.kind === 'refused') {
    return refuseUpload(res, req, { code: outcome.code, detail: outcome.message })
  }
  const record = recordOf(res)
  if (record !== undefined) record.upload = outcome.kind
  // An acknowledged upload can be installed at once: its snapshot is out (design.md section 3, point 4). A repeated
  // upload may meet the first one between its commit and its snapshot.
  await parts.publisher.publish()
  res.writeHead(200, { 'Content-Type': 'text/plain; charset=UTF-8', 'Content-Length': 0, 'Cache-Control': 'no-store' })
  res.end()
}

/** Refuses while the client is still sending, so that it sees the answer and not a broken connection (behaviour.md 7.3.9). */
export async function refuseAndDrain({ req, res }: Exchange, refusal: Refusal): Promise<void> {
  // Ending the answer ends the connection of a client that said `Connection: close`, and resets it while that client sends.
  refuseUpload(res, req, refusal, 'by-caller')
  await drain(req)
  res.end()
}

/**
 * The body of a request, which may not crawl: a floor over each window instead of a cap on the whole, so that 2 GB over
 * a slow line get through and a slow-loris does not (attacks.md SR-2). A body that is too slow just ends there.
 */
async function* atLeastTheFloor(req: IncomingMessage): AsyncIterable<Uint8Array> {
  const floor = new ThroughputFloor({
    minBytesPerSecond: UPLOAD_MIN_BYTES_PER_SECOND,
    windowMs: UPLOAD_FLOOR_WINDOW_MS,
  })
  // The connection must live on for the answer when the form is given up before its end.
  const chunks = (req.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const started = performance.now()
      const next = await withinMs(chunks.next(), floor.leftMs)
      const fastEnough = floor.record(next?.done === false ? next.value.length : 0, performance.now() - started)
      if (next === undefined ? !fastEnough : next.done === true) return
      if (next === undefined) return
      yield next.value
      if (!fastEnough) return
    }
  } finally {
    void chunks.return?.()
  }
}

async function withinMs<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), Math.max(1, milliseconds))
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
