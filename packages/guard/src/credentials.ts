import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, writeWhole } from '@waxseal/trust/durable'
import { GuardError } from './error.ts'
import { isPrivateWay } from './index-url.ts'
import { KEYRING_TIMEOUT_MS, MAX_CREDENTIAL_BYTES } from './limits.ts'

/** Where the token of an index is kept. */
export type CredentialPlace = 'keyring' | 'file'

/** Under which user the token stands in a keyring; the service is the index's URL, as pip and twine have it. */
const KEYRING_USER = '__token__'

/** Keeps a token: in a file that its owner alone can read, or in the keyring by the `keyring` program, which pip uses too. */
export async function storeToken(folder: string, url: string, token: string, place: CredentialPlace): Promise<void> {
  checkToken(url, token)
  if (place === 'file') {
    await writeWhole(join(folder, 'token'), Buffer.from(`${token}\n`), { mode: 0o600 })
    return
  }
  await keyring(['set', url, KEYRING_USER], `${token}\n`)
}

/** The `Authorization` header for an index; undefined without a token. @throws GuardError `credentials-unusable` */
export async function authorizationOf(
  folder: string,
  url: string,
  place: CredentialPlace | undefined,
): Promise<string | undefined> {
  if (place === undefined) return undefined
  const token = place === 'file' ? await readToken(folder) : (await keyring(['get', url, KEYRING_USER])).trim()
  return authorizationFor(url, token)
}

/** The header that a token is sent by. @throws GuardError `credentials-unusable` */
export function authorizationFor(url: string, token: string): string {
  checkToken(url, token)
  return `Basic ${Buffer.from(`${KEYRING_USER}:${token}`).toString('base64')}`
}

/** Forgets a token. One that is not in the keyring any more is forgotten already. */
export async function removeToken(folder: string, url: string, place: CredentialPlace | undefined): Promise<void> {
  if (place === 'file') await rm(join(folder, 'token'), { force: true })
  if (place === 'keyring') await keyring(['del', url, KEYRING_USER]).catch(() => undefined)
}

async function readToken(folder: string): Promise<string> {
  const bytes = await readIfThere(join(folder, 'token'))
  if (bytes === undefined) throw unusable('The token of this index is gone: waxseal trust login')
  return Buffer.from(bytes).toString('utf8').trim()
}

function checkToken(url: string, token: string): void {
  if (token === '' || token.length > MAX_CREDENTIAL_BYTES || !/^[\x21-\x7e]+$/.test(token)) {
    throw unusable('That is no token: one line of printable characters, without spaces, is.')
  }
  if (!isPrivateWay(url)) throw unusable(`A token would be readable on the way to ${url}: only HTTPS takes one.`)
}

/** Runs the `keyring` program; what is secret goes by its standard input. */
async function keyring(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('keyring', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: KEYRING_TIMEOUT_MS })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text.slice(0, MAX_CREDENTIAL_BYTES)))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text.slice(0, MAX_CREDENTIAL_BYTES)))
  child.stdin.on('error', () => undefined).end(input)
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed).once('close', done)
  }).catch((cause: unknown) => {
    throw unusable(
      'The program "keyring" could not be started: install it (pip install keyring), or go without --keyring.',
      cause,
    )
  })
  if (code === 0) return stdout
  const reason = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
  throw unusable(
    `The keyring ${args[0] === 'get' ? 'has no token for this index' : 'did not take it'}${reason === '' ? '' : ` (${reason})`}: waxseal trust login`,
  )
}

function unusable(message: string, cause?: unknown): GuardError {
  return new GuardError('credentials-unusable', message, { cause })
}
