import { createHash, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { ed25519Key } from '@waxseal/trust'
import type { PublicKey, Signer } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import type { ToldEvent } from '../telemetry/read-events.ts'

/*
 * Messages as Standard Webhooks 1.0.0 has them, signed by its asymmetric scheme `v1a` (docs/decisions/0024-webhooks.md).
 */

/** What is sent, but for what depends on the attempt. */
export interface WebhookMessage {
  /** The same for the same event, however often it is sent. */
  readonly id: string
  /** JSON, as it is signed. */
  readonly body: string
}

/** What a receiver has of a message. */
export interface ReceivedMessage extends Omit<WebhookMessage, 'body'> {
  /** Seconds since the epoch. */
  readonly timestamp: string
  readonly signature: string
  readonly body: Uint8Array
}

const PUBLIC_PREFIX = 'whpk_'
const SCHEME = 'v1a,'
const ED25519_BYTES = 32

/** The message that tells of an event. */
export function eventMessage({ id, kind, at, actor, project, detail }: ToldEvent): WebhookMessage {
  return messageOf(String(id), { type: kind, timestamp: at, data: { id, actor, project, detail } })
}

/** A message that tells of nothing: whether it arrives. */
export function testMessage(webhook: string, at: string): WebhookMessage {
  return messageOf('test', { type: 'webhook-test', timestamp: at, data: { webhook } })
}

/** After a restore a number may be another event's: the content is part of the id. */
function messageOf(what: string, content: unknown): WebhookMessage {
  const body = JSON.stringify(content)
  return { id: `evt_${what}_${createHash('sha256').update(body).digest('hex').slice(0, 16)}`, body }
}

/** The headers of one attempt. @throws TrustError where the key cannot be used; IndexError `config-invalid`: is no Ed25519 key */
export async function signedHeaders(
  { id, body }: WebhookMessage,
  signer: Signer,
  nowMs: number,
): Promise<Readonly<Record<string, string>>> {
  requireEd25519(signer.key)
  const timestamp = String(Math.floor(nowMs / 1000))
  const signature = Buffer.from(await signer.sign(signedBytes(id, timestamp, Buffer.from(body))))
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `${SCHEME}${signature.toString('base64')}`,
  }
}

/** Whether one of the signatures of a message is made with `key`. How old it is, is for the caller to see. */
export function isSignedMessage({ id, timestamp, signature, body }: ReceivedMessage, key: KeyObject): boolean {
  const bytes = signedBytes(id, timestamp, body)
  const signatures = signature.split(' ').filter((one) => one.startsWith(SCHEME))
  return signatures.some((one) => verify(null, bytes, key, Buffer.from(one.slice(SCHEME.length), 'base64')))
}

/** What receivers are given: `whpk_` and the key. @throws IndexError `config-invalid` for a key of another kind */
export function publicText(key: PublicKey): string {
  requireEd25519(key)
  return PUBLIC_PREFIX + Buffer.from(key.public, 'hex').toString('base64')
}

/** The key that a text of `publicText` names; undefined when it is none. */
export function readPublicText(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text.trim().replace(PUBLIC_PREFIX, ''), 'base64')
  return text.trim().startsWith(PUBLIC_PREFIX) && bytes.length === ED25519_BYTES ? ed25519Key(bytes) : undefined
}

function signedBytes(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
}

function requireEd25519({ scheme }: PublicKey): void {
  if (scheme === 'ed25519') return
  throw new IndexError('config-invalid', `Messages are signed with an Ed25519 key; this one is ${scheme}.`)
}
