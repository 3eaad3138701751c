import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { writeStoredZip } from './stored-zip.ts'
import { writeTar } from './plain-tar.ts'

/** A built file of a release, as it would be uploaded. `sha256` is lower-case hex. */
export type Distribution = {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly bytes: Buffer
  readonly sha256: string
  readonly metadata: string
}

export type Release = {
  readonly name: string
  readonly version: string
  /** Requirements as PEP 508 strings. */
  readonly requires?: readonly string[]
  readonly requiresPython?: string
  /** Projects that it claims to provide (Provides-Dist). */
  readonly provides?: readonly string[]
  /** The end of a wheel's file name, `py3-none-any` unless told; a build tag may stand before it. */
  readonly tag?: string
  /** Changes the bytes of the file and nothing else: the text of the one module. */
  readonly module?: string
}

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()

const moduleName = (name: string): string => name.replaceAll(/[-.]+/g, '_').toLowerCase()

const coreMetadata = (release: Release): string =>
  [
    'Metadata-Version: 2.1',
    `Name: ${release.name}`,
    `Version: ${release.version}`,
    `Summary: ${release.name} for the tests`,
    ...(release.requiresPython === undefined ? [] : [`Requires-Python: ${release.requiresPython}`]),
    ...(release.requires ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
    ...(release.provides ?? []).map((name) => `Provides-Dist: ${name}`),
    '',
  ].join('\n')

const distribution = (release: Release, filename: string, bytes: Buffer, metadata: string): Distribution => ({
  name: release.name,
  version: release.version,
  filename,
  bytes,
  sha256: sha256(bytes).toString('hex'),
  metadata,
})

const wheelOf = (release: Release, tag: string, members: ReadonlyMap<string, Buffer>, metadata: string) => {
  const info = `${moduleName(release.name)}-${release.version}.dist-info`
  const files = new Map(members)
  files.set(`${info}/METADATA`, Buffer.from(metadata))
  files.set(`${info}/WHEEL`, Buffer.from(`Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: ${tag}\n`))
  const record = [...files].map(
    ([path, content]) => `${path},sha256=${sha256(content).toString('base64url')},${content.byteLength}\n`,
  )
  files.set(`${info}/RECORD`, Buffer.from(`${record.join('')}${info}/RECORD,,\n`))
  return distribution(
    release,
    `${moduleName(release.name)}-${release.version}-${tag}.whl`,
    writeStoredZip(files),
    metadata,
  )
}

/** A pure wheel with one module; the same release gives the same bytes. */
export const buildWheel = (release: Release): Distribution => {
  const source = release.module ?? `VERSION = '${release.version}'\n`
  const members = new Map([[`${moduleName(release.name)}.py`, Buffer.from(source)]])
  return wheelOf(release, release.tag ?? 'py3-none-any', members, coreMetadata(release))
}

/** A source distribution whose build backend, flit_core, must come from the index: nothing here bundles it. */
export const buildSdist = (release: Release): Distribution => {
  const stem = `${moduleName(release.name)}-${release.version}`
  const metadata = coreMetadata(release).replace('Metadata-Version: 2.1', 'Metadata-Version: 2.2')
  const pyproject = [
    '[build-system]',
    'requires = ["flit_core>=3.2"]',
    'build-backend = "flit_core.buildapi"',
    '[project]',
    `name = "${release.name}"`,
    `version = "${release.version}"`,
    `description = "${release.name} for the tests"`,
    ...(release.requiresPython === undefined ? [] : [`requires-python = "${release.requiresPython}"`]),
    `dependencies = ${JSON.stringify(release.requires ?? [])}`,
    '',
  ].join('\n')
  const tar = writeTar(
    new Map([
      [`${stem}/PKG-INFO`, Buffer.from(metadata)],
      [`${stem}/pyproject.toml`, Buffer.from(pyproject)],
      [
        `${stem}/${moduleName(release.name)}.py`,
        Buffer.from(release.module ?? `"""A module."""\nVERSION = '${release.version}'\n`),
      ],
    ]),
  )
  return distribution(release, `${stem}.tar.gz`, gzipSync(tar), metadata)
}

const PLACES = [
  join(import.meta.dirname, '../../.cache/clients/sid/usr/lib/python3/dist-packages'),
  '/usr/lib/python3/dist-packages',
]

/** flit_core as Debian ships it, packed into a wheel again; undefined where no Debian package of it is at hand. */
export const flitCoreWheel = (): Distribution | undefined => {
  for (const place of PLACES) {
    const [info] = globSync('flit_core-*.dist-info', { cwd: place })
    if (info === undefined || !existsSync(join(place, 'flit_core/buildapi.py'))) continue
    const members = new Map(
      globSync('flit_core/**/*', { cwd: place, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.pyc'))
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted()
        .map((path) => [path.slice(place.length + 1), readFileSync(path)] as const),
    )
    const metadata = readFileSync(join(place, info, 'METADATA'), 'utf8')
    const version = info.slice('flit_core-'.length, -'.dist-info'.length)
    return wheelOf({ name: 'flit_core', version }, 'py3-none-any', members, metadata)
  }
  return undefined
}
