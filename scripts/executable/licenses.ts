import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/

/** The licences of all that is in the executable: ours, Node's with its parts, and each package's of `sources`. */
export function licensesOf(sources: readonly string[], nodeFolder: string): string {
  const packages = new Set(sources.flatMap((source) => PACKAGE.exec(source)?.[0] ?? []))
  return [ROOT, nodeFolder, ...[...packages].sort()].map((folder) => licenseOf(folder)).join('\n')
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly version?: string
    readonly license: string
  }
  const texts = globSync('{LICENSE,LICENCE,license,licence}*', { cwd: folder }).map((file) =>
    readFileSync(join(folder, file), 'utf8'),
  )
  const title = `${name}${version === undefined ? '' : ` ${version}`} (${license})`
  return `${title}\n${'='.repeat(title.length)}\n\n${texts.join('\n')}\n`
}
