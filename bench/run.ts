import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Figure, Row } from './figure.ts'
import { closeConnections } from './first-byte.ts'
import { formatDocument, formatTable } from './report.ts'
import { cold } from './rows/cold.ts'
import { hangingUpstream } from './rows/hanging-upstream.ts'
import { largeFile } from './rows/large-file.ts'
import { largePage } from './rows/large-page.ts'
import { memory } from './rows/memory.ts'
import { sharedFill } from './rows/shared-fill.ts'
import { smallFile } from './rows/small-file.ts'
import { smallPage } from './rows/small-page.ts'
import { start } from './rows/start.ts'
import { uploads } from './rows/upload.ts'
import { FULL, openScene, QUICK } from './scene.ts'

/**
 * Every bar of the design that exists by now, beside nginx serving the same bytes in the same run. Needs nginx and wrk
 * (`apt-get install nginx-light wrk`).
 *
 *     npm run bench                     the table on the terminal
 *     npm run bench -- --write          and docs/performance.md
 *     npm run bench -- --quick          less than a minute, for a first look
 *     npm run bench -- small-page cold  these rows only
 */

/** In this order: memory looks back on what all before it used. */
const ROWS: ReadonlyMap<string, Row> = new Map([
  ['small-page', smallPage],
  ['large-page', largePage],
  ['small-file', smallFile],
  ['large-file', largeFile],
  ['cold', cold],
  ['shared-fill', sharedFill],
  ['hanging-upstream', hangingUpstream],
  ['upload', uploads],
  ['memory', memory],
  ['start', start],
])
const DOCUMENT = join(import.meta.dirname, '../docs/performance.md')

const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  allowPositionals: true,
})

if (values.write && (values.quick || positionals.length > 0)) {
  throw new Error('--write is for a full run: the document holds every row')
}

async function measure(): Promise<readonly Figure[]> {
  const chosen = positionals.length === 0 ? [...ROWS.keys()] : positionals
  const figures: Figure[] = []
  await using scene = await openScene(values.quick ? QUICK : FULL)
  for (const name of chosen) {
    const row = ROWS.get(name)
    if (row === undefined) throw new Error(`there is no row ${name}; there are ${[...ROWS.keys()].join(', ')}`)
    process.stderr.write(`${name} …\n`)
    figures.push(...(await row(scene)))
  }
  return figures
}

const figures = await measure()
closeConnections()
process.stdout.write(`${formatTable(figures).replaceAll('**', '')}\n`)
if (values.write) {
  const before = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : ''
  writeFileSync(DOCUMENT, formatDocument(figures, before))
}
