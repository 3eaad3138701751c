import { existsSync } from 'node:fs'
import { openSigner } from '@waxseal/trust'
import type { Signer, SignerContext } from '@waxseal/trust'
import { onDisk } from '../blobs/durable.ts'
import { makeFirstKeyFile } from '../publish/online-keys.ts'
import { webhookKeyIn } from './webhook-config.ts'
import type { WebhookConfig } from './webhook-config.ts'

/**
 * Opens the key of a webhook; one in the data folder that nobody put elsewhere is made first where it is not there.
 * @throws TrustError where it cannot be used, with what to do; IndexError `storage-failed`, `storage-full`
 */
export async function openWebhookSigner(
  dataDir: string,
  { name, key }: Pick<WebhookConfig, 'name' | 'key'>,
  context: SignerContext,
): Promise<Signer> {
  const own = webhookKeyIn(dataDir, name)
  if (key.kind === 'file' && key.path === own.path && !existsSync(own.path)) {
    await onDisk(() => makeFirstKeyFile(own.path))
  }
  return await openSigner(key, context)
}
