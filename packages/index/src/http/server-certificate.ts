import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { CERTIFICATE_POLL_MS, CERTIFICATE_REMIND_MS, CERTIFICATE_WARNING_MS } from '../limits.ts'

/** The PEM files of a certificate with its chain, and of its key. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** What is told of a certificate, never the key. */
export interface CertificateStatus {
  /** DNS names and addresses that it is for. */
  readonly names: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Of the certificate itself, in hex. */
  readonly sha256: string
  /** Why the files as they are now are not served, when they are not. */
  readonly problem?: string
}

/** A checked pair, as Node's TLS takes it. */
export interface CertificatePair {
  readonly cert: Buffer
  readonly key: Buffer
  readonly status: CertificateStatus
}

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]{1,100000}-----END CERTIFICATE-----/g

/**
 * Reads and checks a pair.
 *
 * @throws IndexError `config-invalid`: unreadable, no PEM, encrypted, not belonging together, refused by OpenSSL
 */
export async function readCertificate(files: CertificateFiles): Promise<CertificatePair> {
  const [cert, key] = await Promise.all([read('certificate', files.certificate), read('key', files.key)])
  return checked(files, cert, key)
}

async function read(what: 'certificate' | 'key', path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const why =
      code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'the user of this process may not read it' : code
    throw invalid(`The TLS ${what} ${path} cannot be read: ${why}.`, error)
  }
}

function checked(files: CertificateFiles, cert: Buffer, key: Buffer): CertificatePair {
  const chain = (cert.toString('latin1').match(CERTIFICATE_BLOCK) ?? []).map((block) => parseCertificate(files, block))
  const [own, ...others] = chain
  if (own === undefined) {
    throw invalid(`The TLS certificate ${files.certificate} has no "-----BEGIN CERTIFICATE-----": it wants PEM.`)
  }
  const privateKey = parseKey(files, key)
  if (!own.checkPrivateKey(privateKey)) {
    throw invalid(
      others.some((other) => other.checkPrivateKey(privateKey))
        ? `In ${files.certificate} the server's own certificate must come first, then those that signed it.`
        : `The TLS key ${files.key} does not belong to the certificate ${files.certificate}.`,
    )
  }
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw invalid(`OpenSSL does not take the TLS certificate ${files.certificate}: ${messageOf(error)}.`, error)
  }
  const names = (own.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''))
  return {
    cert,
    key,
    status: {
      names: names.filter((name) => name !== ''),
      notBefore: own.validFromDate.getTime(),
      notAfter: own.validToDate.getTime(),
      sha256: own.fingerprint256.replaceAll(':', '').toLowerCase(),
    },
  }
}

function parseCertificate(files: CertificateFiles, block: string): X509Certificate {
  try {
    return new X509Certificate(block)
  } catch (error) {
    throw invalid(`The TLS certificate ${files.certificate} cannot be read: ${messageOf(error)}.`, error)
  }
}

function parseKey(files: CertificateFiles, key: Buffer): ReturnType<typeof createPrivateKey> {
  // Both forms say so in their first lines: PKCS 8 in its label, the older one in a header.
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(key.toString('latin1'))) {
    throw invalid(
      `The TLS key ${files.key} is encrypted. Write one without a passphrase, readable by the server alone: openssl pkey -in ${files.key} -out plain.pem`,
    )
  }
  try {
    return createPrivateKey(key)
  } catch (error) {
    throw invalid(`The TLS key ${files.key} is not a private key in PEM: ${messageOf(error)}.`, error)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^error:[0-9A-F]+:/, '') : String(error)
}

function invalid(message: string, cause?: unknown): IndexError {
  return new IndexError('config-invalid', message, { cause })
}

/** What a watched certificate needs. */
export interface CertificateEffects {
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Milliseconds between two looks at the files. */
  readonly pollMs?: number
}

/**
 * The pair that is served. It looks at the files again and again, by their content: that sees renamed files, swapped
 * symbolic links (certbot, Kubernetes) and network file systems alike, which notifications do not. A pair that is not
 * good, or only half there, is logged once, and the one before stays.
 */
export class ServerCertificate implements AsyncDisposable {
  readonly #files: CertificateFiles
  readonly #effects: CertificateEffects
  readonly #timer: NodeJS.Timeout
  readonly #listeners = new Set<(pair: CertificatePair) => void>()
  #pair: CertificatePair
  #seen: string
  #problem: string | undefined
  #remindedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined

  private constructor(files: CertificateFiles, effects: CertificateEffects, pair: CertificatePair) {
    this.#files = files
    this.#effects = effects
    this.#pair = pair
    this.#seen = contentOf(pair.cert, pair.key)
    this.#timer = setInterval(() => void this.reload(), effects.pollMs ?? CERTIFICATE_POLL_MS)
    this.#timer.unref()
    this.#remind()
  }

  /** Reads the pair for the first time, and keeps looking. Throws as `readCertificate`. */
  static async open(files: CertificateFiles, effects: CertificateEffects): Promise<ServerCertificate> {
    return new ServerCertificate(files, effects, await readCertificate(files))
  }

  get pair(): CertificatePair {
    return this.#pair
  }

  get status(): CertificateStatus {
    return this.#problem === undefined ? this.#pair.status : { ...this.#pair.status, problem: this.#problem }
  }

  /** Calls `listener` with every pair that takes the place of the one before. */
  onChange(listener: (pair: CertificatePair) => void): void {
    this.#listeners.add(listener)
  }

  /** Looks now. Never rejects. */
  async reload(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    await this.#looking
  }

  async #look(): Promise<void> {
    this.#remind()
    const seen = this.#seen
    try {
      // What cannot be read has no content: the same as before is looked at anew when it is back.
      this.#seen = ''
      const { certificate, key: keyFile } = this.#files
      const [cert, key] = await Promise.all([read('certificate', certificate), read('key', keyFile)])
      this.#seen = contentOf(cert, key)
      if (this.#seen === seen) return
      this.#pair = checked(this.#files, cert, key)
    } catch (error) {
      return this.#keep(messageOf(error))
    }
    this.#problem = undefined
    this.#remindedAt = Number.NEGATIVE_INFINITY
    const { names, notAfter } = this.#pair.status
    this.#effects.log.info({ names, notAfter: new Date(notAfter).toISOString() }, 'a new TLS certificate is in use')
    this.#remind()
    for (const listener of this.#listeners) listener(this.#pair)
  }

  #keep(problem: string): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#effects.log.warn(`${problem} The certificate from before stays in use.`)
  }

  /** Says once a day that the certificate is about to expire. */
  #remind(): void {
    const now = this.#effects.clock.now()
    const { notBefore, notAfter } = this.#pair.status
    if (now >= notBefore && notAfter - now > CERTIFICATE_WARNING_MS) return
    if (Math.abs(now - this.#remindedAt) < CERTIFICATE_REMIND_MS) return
    this.#remindedAt = now
    const what =
      now < notBefore
        ? `is valid only from ${new Date(notBefore).toISOString()}`
        : `${notAfter <= now ? 'expired on' : 'expires on'} ${new Date(notAfter).toISOString()}`
    this.#effects.log.warn(
      `The TLS certificate ${this.#files.certificate} ${what}. Clients refuse it outside its time.`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }
}

function contentOf(cert: Buffer, key: Buffer): string {
  return createHash('sha256').update(cert).update('\0').update(key).digest('hex')
}
