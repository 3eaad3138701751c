import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configDocs } from './config-docs.ts'

/** Writes the tables of `docs/configuration.md`; `test/docs.test.ts` fails while they are stale. */
const page = join(import.meta.dirname, '../docs/configuration.md')
writeFileSync(page, configDocs(readFileSync(page, 'utf8')))
