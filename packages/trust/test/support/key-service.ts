import { execFileSync } from 'node:child_process'
import { constants, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { KeyScheme } from '../../src/public-key.ts'

/** A request as it arrived. */
export interface Arrived {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What to answer; `hang` begins an answer and never ends it. */
export type Answer =
  | { readonly status: number; readonly document: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string }
  | 'hang'
  | 'cut'
  | 'endless'

export interface KeyService {
  readonly url: string
  /** The certificate, where it speaks TLS. */
  readonly caFile: string
  readonly arrived: readonly Arrived[]
}

/** A server on this machine that answers as `respond` says, until the test ends. */
export async function keyService(
  t: TestContext,
  respond: (request: Arrived) => Answer,
  tls = false,
): Promise<KeyService> {
  const folder = await temporaryFolder(t)
  const arrived: Arrived[] = []
  const listener = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const request = {
      method: message.method ?? '',
      path: message.url ?? '',
      headers: message.headers,
      body: Buffer.concat(chunks),
    }
    arrived.push(request)
    write(response, respond(request))
  }
  const handle = (message: IncomingMessage, response: ServerResponse): void => {
    // A test that made a mistake here sees a cut connection, and the error itself.
    listener(message, response).catch((error: unknown) => {
      response.destroy()
      process.emitWarning(String(error))
    })
  }
  const caFile = join(folder, 'service.pem')
  if (tls) makeCertificate(folder)
  const server = tls
    ? createTlsServer({ cert: readFileSync(caFile), key: readFileSync(join(folder, 'service.key')) }, handle)
    : createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, caFile, arrived }
}

/** A key pair of a service, which signs as services do: Ed25519 whole messages, the others what was hashed elsewhere. */
export class ServiceKey {
  readonly publicKey: KeyObject
  readonly #privateKey: KeyObject
  readonly #file: string

  private constructor(pair: { publicKey: KeyObject; privateKey: KeyObject }, file: string) {
    this.publicKey = pair.publicKey
    this.#privateKey = pair.privateKey
    this.#file = file
  }

  static async generate(t: TestContext, scheme: KeyScheme): Promise<ServiceKey> {
    const pair = generate(scheme)
    const file = join(await temporaryFolder(t), 'key.pem')
    await writeFile(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    return new ServiceKey(pair, file)
  }

  signMessage(message: Uint8Array): Buffer {
    return sign(null, message, this.#privateKey)
  }

  /** By OpenSSL's command: Node hashes what it signs. */
  signDigest(digest: Uint8Array): Buffer {
    const pss = ['rsa_padding_mode:pss', 'rsa_pss_saltlen:digest', 'rsa_mgf1_md:sha256']
    const options = this.publicKey.asymmetricKeyType === 'rsa' ? ['digest:sha256', ...pss] : []
    const args = ['pkeyutl', '-sign', '-inkey', this.#file, ...options.flatMap((option) => ['-pkeyopt', option])]
    return execFileSync('openssl', args, { input: digest })
  }

  /** RSA with PKCS#1 v1.5, which is not what was asked for. */
  signOtherwise(message: Uint8Array): Buffer {
    return sign('sha256', message, { key: this.#privateKey, padding: constants.RSA_PKCS1_PADDING })
  }
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-key-service-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function generate(scheme: KeyScheme): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (scheme) {
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'ecdsa-sha2-nistp256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'rsassa-pss-sha256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
  }
}

function write(response: ServerResponse, answer: Answer): void {
  if (answer === 'cut') response.destroy()
  else if (answer === 'hang') response.writeHead(200).write('{')
  else if (answer === 'endless') {
    response.writeHead(200)
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
    }
    response.on('drain', more)
    more()
  } else if ('text' in answer) response.writeHead(answer.status, { 'content-type': 'text/html' }).end(answer.text)
  else
    response
      .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      .end(JSON.stringify(answer.document))
}

function makeCertificate(folder: string): void {
  // prettier-ignore
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=key service', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', join(folder, 'service.key'), '-out', join(folder, 'service.pem')], { stdio: 'ignore' })
}
