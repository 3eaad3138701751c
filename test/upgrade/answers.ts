import assert from 'node:assert/strict'
import { ask } from '../support/raw-http.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

/** One request, and what must be the same about its answer whichever program gives it. */
export interface Answer {
  readonly path: string
  readonly accept: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly sha256?: string
  readonly length?: number
  /** Short texts as they are, so that a difference can be read. */
  readonly text?: string
}

/** A credential, and the status that it gets. */
export interface Login {
  readonly who: string
  /** An Authorization header; all of them were made for this test only. */
  readonly authorization: string
  readonly path: string
  readonly status: number
}

/** What the kept store must answer, told by the program that made it. */
export interface Expected {
  readonly answers: readonly Answer[]
  readonly logins: readonly Login[]
}

const COMPARED = ['content-type', 'etag', 'waxseal-snapshot', 'x-pypi-last-serial', 'location', 'last-modified']
const SHORT = 3000
/** The JSON API tells whole addresses: the same ones, whatever port a server of the test got. */
const HOST = 'index.example'

export async function answerTo(url: string, path: string, accept: string): Promise<Answer> {
  const reply = await ask(`${url}${path}`, { headers: { accept, host: HOST } })
  // The words of a refusal may get better; that it is one may not change.
  if (reply.status >= 400) return { path, accept, status: reply.status }
  const headers = COMPARED.flatMap((name) => {
    const value = reply.headers[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  const text = reply.body.toString()
  const readable = text.length <= SHORT && !/[^\t\n\r -~]/.test(text)
  return {
    path,
    accept,
    status: reply.status,
    headers: Object.fromEntries(headers),
    sha256: sha256Of(reply.body),
    length: reply.body.length,
    ...(readable ? { text } : {}),
  }
}

export async function loginStatus(url: string, { authorization, path }: Omit<Login, 'status'>): Promise<number> {
  return (await ask(`${url}${path}`, { headers: { authorization } })).status
}

/**
 * The server at `url` answers as told: byte for byte with the same ETag. Explanations and management documents alone may
 * say more than they did; what they said, they say.
 */
export async function assertAnswers(url: string, expected: Answer): Promise<void> {
  const answer = await answerTo(url, expected.path, expected.accept)
  if (expected.status >= 400 || !/^\/(?:why|api)\//.test(expected.path)) return assert.deepEqual(answer, expected)
  assert.equal(answer.status, expected.status, expected.path)
  assert.equal(answer.headers?.['content-type'], expected.headers?.['content-type'])
  const said = fieldsOf(expected)
  assert.ok(said.size > 0, `${expected.path} was kept without its text`)
  const says = fieldsOf(answer)
  for (const [key, value] of said) assert.deepEqual(says.get(key), value, `${expected.path}: ${key}`)
}

function fieldsOf({ text = '{}' }: Answer): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(JSON.parse(text) as object))
}
