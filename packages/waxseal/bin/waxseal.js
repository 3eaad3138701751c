import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'

const NEEDED = [24, 15]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const [neededMajor, neededMinor] = NEEDED
if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) await start()
else {
  const advice = 'In a checkout "npm ci" installs one, for "npm start" and "npx waxseal": not with --omit=optional.'
  process.stderr.write(
    `waxseal: Waxseal needs Node ${NEEDED.join('.')} or newer; this is ${process.version}. ${advice}\n`,
  )
  process.exitCode = 3
}

async function start() {
  // Halves the time to the first answer and spares the memory of compiling (docs/performance.md). In plain JavaScript,
  // since the cache has to be there before anything is stripped of its types. In the user's own folder: in a shared one,
  // as is Node's default, others could leave code for us. Daemons often have no home: then it is just not used.
  const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env
  const folder = XDG_CACHE_HOME || (HOME ? join(HOME, '.cache') : LOCALAPPDATA)
  if (folder && existsSync(dirname(folder))) module.enableCompileCache(join(folder, 'waxseal', 'compiled'))
  await import('../src/main.ts')
}
