import { homedir } from 'node:os'
import { join } from 'node:path'
import { TrustError } from '../error.ts'
import { MAX_SETTINGS_FILE } from '../limits.ts'
import { readSmallFile } from './read-file.ts'
import type { SecretEnvironment } from './secret-source.ts'
import type { AwsCredentials } from './sigv4.ts'

/**
 * The credentials of AWS as its own tools find them: a named profile; else the environment; else the default profile of the
 * shared file (`AWS_SHARED_CREDENTIALS_FILE`, `~/.aws/credentials`). Asked for at every request, because temporary ones are
 * put there anew. Other sources (instance roles, web identity, SSO) are not read.
 * @throws TrustError `signer-failed`
 */
export async function findAwsCredentials(profile: string | undefined, env: SecretEnvironment): Promise<AwsCredentials> {
  const accessKeyId = env.get('AWS_ACCESS_KEY_ID')
  const secretAccessKey = env.get('AWS_SECRET_ACCESS_KEY')
  if (profile === undefined && accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { accessKeyId, secretAccessKey, sessionToken: env.get('AWS_SESSION_TOKEN') }
  }
  const name = profile ?? env.get('AWS_PROFILE') ?? 'default'
  const path = env.get('AWS_SHARED_CREDENTIALS_FILE') ?? join(env.get('HOME') ?? homedir(), '.aws', 'credentials')
  const { bytes } = await readSmallFile(path, MAX_SETTINGS_FILE, 'The file of AWS credentials')
  const settings = readProfile(Buffer.from(bytes).toString(), name)
  const id = settings.get('aws_access_key_id')
  const secret = settings.get('aws_secret_access_key')
  if (id === undefined || secret === undefined) {
    const message = `There are no AWS credentials for the profile ${name} in ${path}: put aws_access_key_id and aws_secret_access_key there, or into the environment.`
    throw new TrustError('signer-failed', message)
  }
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: settings.get('aws_session_token') }
}

/** The settings under `[name]`. */
function readProfile(text: string, name: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  let inside = false
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim()
    if (trimmed.startsWith('[')) inside = trimmed.slice(1, -1).trim() === name
    const at = trimmed.indexOf('=')
    if (!inside || at < 0 || trimmed.startsWith('#') || trimmed.startsWith(';')) continue
    const value = trimmed.slice(at + 1).trim()
    if (value !== '') settings.set(trimmed.slice(0, at).trim().toLowerCase(), value)
  }
  return settings
}
