import { resolve } from 'node:path'
import type { WebhookConfig } from '@waxseal/index'
import { webhookKeyIn } from '@waxseal/index'
import { readSignerConfig } from '@waxseal/trust'
import type { Report } from './load.ts'
import type { Settings } from './settings.ts'
import { placed } from './signing.ts'
import { isCertificate, readText } from './upstreams.ts'

/** The receivers of events; what their files cannot tell is reported. */
export function webhooksOf(settings: Settings, dataDir: string, report: Report): readonly WebhookConfig[] {
  return Object.entries(settings.values.webhook ?? {}).map(([name, values]) => {
    const { url, events, key, 'ca-file': caFile } = values
    const place = (at: string) => (file: string) => settings.resolvePath(['webhook', name, at], file)
    const path = ['webhook', name, 'ca-file']
    const ca = caFile === undefined ? undefined : readText(place('ca-file')(caFile), path, report)
    if (ca !== undefined && !isCertificate(ca)) report(path, 'holds no certificate in PEM')
    return {
      name,
      url,
      key: key === undefined ? webhookKeyIn(resolve(dataDir), name) : placed(readSignerConfig(key), place('key')),
      ...(events === undefined ? {} : { events }),
      ...(ca === undefined ? {} : { ca }),
    }
  })
}
