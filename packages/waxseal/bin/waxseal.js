import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'

// Halves the time to the first answer and spares the memory of compiling (docs/performance.md). In plain JavaScript,
// since the cache has to be there before anything is stripped of its types. In the user's own folder: in a shared one,
// as is Node's default, others could leave code for us. Daemons often have no home: then it is just not used.
const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env
const folder = XDG_CACHE_HOME || (HOME ? join(HOME, '.cache') : LOCALAPPDATA)
if (folder && existsSync(dirname(folder))) enableCompileCache(join(folder, 'waxseal', 'compiled'))
await import('../src/main.ts')
