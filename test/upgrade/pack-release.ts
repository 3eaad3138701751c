import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * `node test/upgrade/pack-release.ts <commit> <file.tar.gz>`: what a release ships of the three packages, so that upgrades
 * from it can be tested where the history is not at hand. The same commit gives the same bytes.
 */
const [commit, file] = process.argv.slice(2)
if (commit === undefined || file === undefined) throw new Error('wanted: <commit> <file.tar.gz>')

const folder = mkdtempSync(join(tmpdir(), 'waxseal-release-'))
try {
  const git = ['archive', '--format=tar', `--output=${join(folder, 'all.tar')}`, commit, 'packages']
  execFileSync('git', git, { cwd: resolve(import.meta.dirname, '../..') })
  execFileSync('tar', ['xf', 'all.tar', '--exclude=*.test.ts', '--exclude=packages/*/test', '--exclude=testing'], {
    cwd: folder,
  })
  const same = ['--sort=name', '--mtime=2000-01-01 00:00Z', '--owner=0', '--group=0', '--numeric-owner']
  execFileSync('tar', [...same, '--use-compress-program=gzip -9n', '-cf', resolve(file), 'packages'], { cwd: folder })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
