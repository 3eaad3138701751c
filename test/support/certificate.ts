import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** A certificate that signs itself, and its key, as PEM files; clients trust it by being given it as their authority. */
export interface CertificateMade {
  readonly certificate: string
  readonly key: string
}

/** Makes `NAME.pem` and `NAME.key` in `folder`, for 127.0.0.1, ::1 and localhost, valid for `days` (below zero: expired). */
export function makeCertificate(folder: string, name: string, days = 90): CertificateMade {
  const made = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  execFileSync(
    'openssl',
    // prettier-ignore
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days),
      '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1',
      '-keyout', made.key, '-out', made.certificate],
    { stdio: 'ignore' },
  )
  return made
}

/** The same key under a passphrase, in a file beside it. */
export function encryptKey(key: string): string {
  const encrypted = `${key}.encrypted`
  execFileSync('openssl', ['pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', encrypted])
  return encrypted
}
