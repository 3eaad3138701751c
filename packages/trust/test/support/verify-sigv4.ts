import { createHash, createHmac } from 'node:crypto'
import type { Arrived } from './key-service.ts'

const SKEW_MS = 15 * 60 * 1000

/**
 * What AWS says to a request's signature, by the documentation's steps and from the bytes as they arrived: the error's name,
 * or undefined for a request that may pass. Written apart from the code that signs.
 */
export function refusalOf(
  request: Arrived,
  known: { readonly id: string; readonly secret: string; readonly token?: string | undefined },
  expected: { readonly region: string; readonly service: string; readonly now: Date },
): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? '')
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z\d;-]+), Signature=([\da-f]{64})$/.exec(
      header('authorization'),
    )
  if (parts === null) return 'IncompleteSignatureException'
  const [, id = '', day = '', region = '', service = '', names = '', signature = ''] = parts
  if (id !== known.id) return 'UnrecognizedClientException'
  if (header('x-amz-security-token') !== (known.token ?? '')) return 'ExpiredTokenException'
  const date = header('x-amz-date')
  const sent = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(sent - expected.now.getTime()) <= SKEW_MS)) return 'InvalidSignatureException'
  if (!date.startsWith(day) || region !== expected.region || service !== expected.service)
    return 'InvalidSignatureException'
  // Signed has to be what decides: where it goes, when, for whom, and what is asked.
  const signed = names.split(';')
  const needed = [
    'host',
    'x-amz-date',
    'x-amz-target',
    'content-type',
    ...(known.token === undefined ? [] : ['x-amz-security-token']),
  ]
  if (needed.some((name) => !signed.includes(name)) || signed.join() !== signed.toSorted().join())
    return 'InvalidSignatureException'
  let canonical = `${request.method}\n${request.path}\n\n`
  for (const name of signed) canonical += `${name}:${header(name)}\n`
  canonical += `\n${names}\n${createHash('sha256').update(request.body).digest('hex')}`
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${day}/${region}/${service}/aws4_request\n${createHash('sha256').update(canonical).digest('hex')}`
  const dayKey = createHmac('sha256', `AWS4${known.secret}`).update(day).digest()
  const regionKey = createHmac('sha256', dayKey).update(region).digest()
  const serviceKey = createHmac('sha256', regionKey).update(service).digest()
  const key = createHmac('sha256', serviceKey).update('aws4_request').digest()
  return createHmac('sha256', key).update(toSign).digest('hex') === signature ? undefined : 'InvalidSignatureException'
}
