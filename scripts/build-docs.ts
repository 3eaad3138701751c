import { join, resolve } from 'node:path'
import { buildSite } from './docs-site/build-site.ts'

/** `npm run docs [-- FOLDER]`: builds the documentation's site, by default to where the index serves it from. */
const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '../packages/waxseal/site'))
process.stdout.write(`${buildSite(folder).length} pages in ${folder}\n`)
