import { createHash, createHmac } from 'node:crypto'

/** What signs requests to AWS. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** A request as it will be sent. `url` has a path in its final form. */
export interface UnsignedRequest {
  readonly method: string
  readonly url: URL
  /** By lower-case name; `host` is added. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/**
 * The headers of `request` with those that sign it: Signature Version 4 of AWS ("Create a signed AWS API request"). Every
 * header that is sent is signed.
 */
export function signedHeaders(
  request: UnsignedRequest,
  credentials: AwsCredentials,
  { region, service, now }: { readonly region: string; readonly service: string; readonly now: Date },
): Readonly<Record<string, string>> {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const headers = {
    ...request.headers,
    host: request.url.host,
    'x-amz-date': time,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  }
  const entries = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const names = entries.map(([name]) => name).join(';')
  const canonical = [
    request.method,
    request.url.pathname,
    canonicalQuery(request.url),
    ...entries.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    sha256(request.body),
  ].join('\n')
  const signature = hmac(
    signingKey(credentials.secretAccessKey, scope),
    [ALGORITHM, time, scope, sha256(Buffer.from(canonical))].join('\n'),
  ).toString('hex')
  const authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return { ...headers, authorization }
}

/** The key of one day, region and service: each part of the scope is hashed into it in turn. */
function signingKey(secret: string, scope: string): Uint8Array {
  return scope.split('/').reduce<Uint8Array>(hmac, Buffer.from(`AWS4${secret}`))
}

function canonicalQuery(url: URL): string {
  const parameters = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
  return parameters.toSorted().join('&')
}

/** All but the unreserved characters of RFC 3986. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
