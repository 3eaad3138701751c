import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildSite } from './docs-site/build-site.ts'

const ROOT = resolve(import.meta.dirname, '..')
/** Of Node's packages only the program runs. */
const NODE_EXTRAS = ['include', 'share', 'CHANGELOG.md', 'README.md']

/**
 * Writes the build context of the image into `folder`: `opt/waxseal` with sources, dependencies and built
 * documentation, without tests and development dependencies, and the Containerfile. npm takes the packages from its
 * cache or its registry, by the digests of the lock file.
 */
export function stageImage(folder: string): void {
  const app = join(folder, 'opt/waxseal')
  for (const volume of ['data', 'offline-keys']) mkdirSync(join(folder, volume), { recursive: true })
  mkdirSync(app, { recursive: true })
  for (const file of ['package.json', 'package-lock.json', 'LICENSE']) cpSync(join(ROOT, file), join(app, file))
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const [from, to] = [join(ROOT, 'packages', name), join(app, 'packages', name)]
    mkdirSync(to, { recursive: true })
    cpSync(join(from, 'package.json'), join(to, 'package.json'))
    for (const part of ['src', 'bin']) {
      // Only the command has a bin.
      if (readdirSync(from).includes(part))
        cpSync(join(from, part), join(to, part), { recursive: true, filter: isNoTest })
    }
  }
  const installed = spawnSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: app,
    encoding: 'utf8',
  })
  if (installed.status !== 0) throw new Error(`npm ci failed:\n${installed.stdout}${installed.stderr}`)
  const modules = join(app, 'node_modules')
  for (const name of readdirSync(modules).filter((name) => name.startsWith('node-linux-'))) {
    for (const extra of NODE_EXTRAS) rmSync(join(modules, name, extra), { recursive: true, force: true })
  }
  buildSite(join(app, 'packages/waxseal/site'))
  cpSync(join(ROOT, 'deploy/health-check.js'), join(app, 'health-check.js'))
  cpSync(join(ROOT, 'deploy/Containerfile'), join(folder, 'Containerfile'))
}

function isNoTest(path: string): boolean {
  return !/\.test\.ts$|-contract\.ts$/.test(path)
}
