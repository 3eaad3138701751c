import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startWaxseal } from '../test/support/server.ts'
import type { Figure } from './figure.ts'
import { formatTable, withTrust } from './report.ts'
import { bytes } from './trust/bytes.ts'
import { publishes } from './trust/publish.ts'
import { refreshes } from './trust/refresh.ts'
import { openSignedIndex } from './trust/signed-index.ts'
import type { SignedIndex } from './trust/signed-index.ts'

/**
 * What signatures cost, those who make them and those who check them (design.md section 12), beside tuf-js and python-tuf
 * (`node scripts/fetch-clients.ts --follow`).
 *
 *     npm run bench:trust               the table on the terminal
 *     npm run bench:trust -- --write    and its section of docs/performance.md
 *     npm run bench:trust -- --quick    up to 10,000 targets, for a first look
 */

const LARGEST = 1_000_000
/** As `waxseal init` makes them, for as many projects as its help says. */
const OTHERS = [
  ['small', 1000],
  ['normal', 100_000],
] as const
const DOCUMENT = join(import.meta.dirname, '../docs/performance.md')

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})
if (values.write && values.quick) throw new Error('--write is for a full run: the document holds every row')
const [counts, turns, rounds] = values.quick ? [[1000, 10_000], 10, 1] : [[1000, 100_000, LARGEST], 100, 7]

async function measure(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const served: Figure[] = []
  for (const targets of counts) {
    process.stderr.write(`${targets} targets …\n`)
    await using index = await openSignedIndex('large', targets)
    figures.push(...(await publishes(index, turns)))
    if (targets !== counts.at(-1)) continue
    served.push(
      ...(await withServer(index, async (url) => {
        process.stderr.write('refreshes …\n')
        return [...(await refreshes(index, url, rounds)), ...(await bytes(index, url))]
      })),
    )
  }
  for (const [size, targets] of OTHERS) {
    process.stderr.write(`bytes of ${targets} targets …\n`)
    await using index = await openSignedIndex(size, targets)
    served.push(...(await withServer(index, (url) => bytes(index, url))))
  }
  return [...figures, ...served]
}

async function withServer<T>(index: SignedIndex, work: (url: string) => Promise<T>): Promise<T> {
  await using server = await startWaxseal({ dataDir: index.dataDir, args: ['--no-upstream'] })
  return await work(server.url)
}

const figures = await measure()
process.stdout.write(`${formatTable(figures).replaceAll('**', '')}\n`)
if (values.write) writeFileSync(DOCUMENT, withTrust(readFileSync(DOCUMENT, 'utf8'), figures))
