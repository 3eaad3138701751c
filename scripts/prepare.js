// `npm ci` and `npm install` in a checkout end here, on whatever Node there is: builds the documentation that the index
// serves at /docs/. Where that cannot be (no pinned Node, no dependencies), nothing fails: the index then says how.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const pinned = join(root, 'node_modules/.bin/node')
const node = existsSync(pinned) ? pinned : process.execPath
const built = spawnSync(node, [join(root, 'scripts/build-docs.ts')], { encoding: 'utf8' })
if (built.status !== 0) console.log('The documentation was not built; `npm run docs` does it.')
