import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** An earlier release, ready to run. */
export interface OldRelease extends Disposable {
  /** Its `waxseal.js`. */
  readonly main: string
  /** Dependencies that this checkout has in another version than that release asked for, as `name wanted, has`. */
  readonly differing: readonly string[]
}

/** Unpacks what `pack-release.ts` kept; it runs with this checkout's third-party packages and its own of ours. */
export function unpackRelease(version: string): OldRelease {
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-release-'))
  execFileSync('tar', ['xzf', resolve(import.meta.dirname, `releases/${version}.tar.gz`), '-C', folder])
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '@waxseal'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@waxseal' && name !== 'waxseal' && !name.startsWith('.')) {
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
  }
  for (const name of ['packaging', 'index']) {
    symlinkSync(join(folder, 'packages', name), join(modules, '@waxseal', name))
  }
  return {
    main: join(folder, 'packages/waxseal/bin/waxseal.js'),
    differing: ['packaging', 'index', 'waxseal'].flatMap((name) => differingFrom(join(folder, 'packages', name))),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

function differingFrom(folder: string): readonly string[] {
  return Object.entries(manifest(folder).dependencies ?? {}).flatMap(([name, wanted]) => {
    if (name.startsWith('@waxseal/')) return []
    const has = manifest(join(ROOT, 'node_modules', name)).version
    return has === wanted ? [] : [`${name} ${wanted}, has ${has}`]
  })
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
