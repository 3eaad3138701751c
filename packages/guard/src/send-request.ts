import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { unreachable } from './failures.ts'
import { MAX_ANSWER_BYTES, PAGE_DEADLINE_MS } from './limits.ts'
import { agentsFor } from './origin.ts'

/** What somebody who was refused asks of those who decide. */
export interface RequestDocument {
  readonly project: string
  readonly version?: string | undefined
  readonly reason?: string | undefined
}

/** What the index says to it, which nobody has signed. */
export type RequestAnswer =
  | {
      readonly kind: 'asked'
      readonly id: number
      readonly files: readonly { readonly filename: string; readonly sha256: string }[]
      readonly isNew: boolean
    }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }

/** Asks the index at `url`. @throws GuardError `index-unreachable` */
export async function sendRequest(
  url: string,
  document: RequestDocument,
  { authorization, env }: { readonly authorization: string | undefined; readonly env: NodeJS.ProcessEnv },
): Promise<RequestAnswer> {
  const body = JSON.stringify(document)
  const agents = agentsFor(url, env)
  try {
    const { status, reason, text } = await post(new URL(`${url}/api/v1/requests`), body, authorization, agents)
    return answerOf(status, reason, text)
  } catch (error) {
    throw unreachable(url, error instanceof Error ? `${error.message}.` : String(error), error)
  } finally {
    agents.https.destroy()
    agents.http.destroy()
  }
}

interface Posted {
  readonly status: number
  readonly reason: string
  readonly text: string
}

async function post(
  url: URL,
  body: string,
  authorization: string | undefined,
  agents: ReturnType<typeof agentsFor>,
): Promise<Posted> {
  const isHttps = url.protocol === 'https:'
  const headers = {
    'user-agent': 'waxseal-guard',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(authorization === undefined ? {} : { authorization }),
  }
  const signal = AbortSignal.timeout(PAGE_DEADLINE_MS)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method: 'POST', headers, signal, agent: isHttps ? agents.https : agents.http }
    const sent = (isHttps ? httpsRequest : httpRequest)(url, options, resolve)
    sent.once('error', reject).end(body)
  })
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > MAX_ANSWER_BYTES) throw new Error(`its answer has more than ${MAX_ANSWER_BYTES} bytes`)
    pieces.push(piece)
  }
  const { statusCode: status = 0, statusMessage: reason = '' } = response
  return { status, reason, text: Buffer.concat(pieces).toString() }
}

function answerOf(status: number, reason: string, text: string): RequestAnswer {
  const document = parsed(text)
  const { id, files, isNew, code, detail } = document
  if (status === 200 || status === 201) {
    if (typeof id !== 'number' || !Array.isArray(files)) throw new Error('its answer is not that of a Waxseal index')
    return { kind: 'asked', id, files: files.flatMap(fileOf), isNew: isNew !== false }
  }
  if (typeof code === 'string' && typeof detail === 'string') return { kind: 'refused', code, reason: detail }
  throw new Error(`it answers ${status} ${reason}`.trimEnd())
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
  } catch {
    return {}
  }
}

function fileOf(value: unknown): readonly { readonly filename: string; readonly sha256: string }[] {
  if (typeof value !== 'object' || value === null || !('filename' in value) || !('sha256' in value)) return []
  return [{ filename: String(value.filename), sha256: String(value.sha256) }]
}
