import { join } from 'node:path'
import type { SignerConfig } from '@waxseal/trust'
import { KEYS } from '../publish/online-keys.ts'
import type { EventKind } from '../telemetry/events.ts'

/** A receiver of events, as the administrator configured it. */
export interface WebhookConfig {
  /** How far it has come is noted under it. */
  readonly name: string
  /** http or https, without credentials. Nothing leads away from it, so it may be a private address. */
  readonly url: string
  /** Where the Ed25519 key is that its messages are signed with. */
  readonly key: SignerConfig
  /** Absent: of every kind. */
  readonly events?: readonly EventKind[]
  /** Certificate authorities to trust in place of the system's, in PEM. */
  readonly ca?: string
}

/** The key of a webhook that nobody put elsewhere: one for each, so that what one receiver got is no message to another. */
export function webhookKeyIn(dataDir: string, name: string): SignerConfig & { readonly kind: 'file' } {
  return { kind: 'file', path: join(dataDir, KEYS, `webhook-${name}.pem`) }
}
