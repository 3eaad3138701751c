import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namesDocs } from './names-docs.ts'

/** Writes the decision tables of `docs/names.md`; `test/docs.test.ts` fails while they are stale. */
const page = join(import.meta.dirname, '../docs/names.md')
writeFileSync(page, namesDocs(readFileSync(page, 'utf8')))
