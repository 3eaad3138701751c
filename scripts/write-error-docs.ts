import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorDocs } from './error-docs.ts'

/** Writes `docs/errors.md`; `test/docs.test.ts` fails while it is stale. */
writeFileSync(join(import.meta.dirname, '../docs/errors.md'), errorDocs())
