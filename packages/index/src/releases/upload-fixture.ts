import { createHash } from 'node:crypto'
import { crc32, gzipSync } from 'node:zlib'

/** A distribution for tests, built by hand so that tests do not trust the code they test. */
export interface Fixture {
  readonly filename: string
  readonly bytes: Uint8Array
  /** A complete form as twine sends it. */
  readonly fields: ReadonlyMap<string, readonly string[]>
}

interface FixtureOptions {
  readonly name?: string
  readonly version?: string
  readonly tag?: string
  /** More headers of METADATA or PKG-INFO, such as `Requires-Dist: x`. */
  readonly headers?: readonly string[]
  /** Changes of the form; `undefined` removes a field. */
  readonly form?: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The content of the one module. */
  readonly code?: string | Uint8Array
  /** METADATA's name where it should not be the project's. */
  readonly metadataName?: string
  readonly metadataVersion?: string
  /** Metadata-Version; 2.2 unless said. */
  readonly coreMetadata?: string
  /** Damages RECORD. */
  readonly record?: (record: string) => string
}

/** The settings of the tests: generous, as shipped. */
export const FIXTURE_POLICY = {
  maxFileSize: 64 * 1024 * 1024,
  maxProjectSize: 1024 ** 3,
  linuxTags: true,
  localVersions: true,
  privateClassifiers: true,
}

export function wheelFixture(options: FixtureOptions = {}): Fixture {
  const { name = 'demo', version = '1.0', tag = 'py3-none-any', code = 'x = 1\n' } = options
  const stem = `${name.toLowerCase().replaceAll(/[-_.]+/g, '_')}-${version}`
  const info = `${stem}.dist-info`
  const wheel = `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tag}\n`
  const members: [string, Buffer][] = [
    [`${name.replaceAll(/[-.]/g, '_')}/__init__.py`, Buffer.from(code)],
    [`${info}/METADATA`, Buffer.from(metadataText(options))],
    [`${info}/WHEEL`, Buffer.from(wheel)],
  ]
  const lines = members.map(
    ([path, data]) => `${path},sha256=${createHash('sha256').update(data).digest('base64url')},${data.length}`,
  )
  const record = `${[...lines, `${info}/RECORD,,`].join('\n')}\n`
  const bytes = zip([...members, [`${info}/RECORD`, Buffer.from(options.record?.(record) ?? record)]])
  return fixture(`${stem}-${tag}.whl`, bytes, options, { filetype: 'bdist_wheel', pyversion: 'py3' })
}

export function sdistFixture(options: FixtureOptions = {}): Fixture {
  const { name = 'demo', version = '1.0', code = 'x = 1\n' } = options
  const stem = `${name.toLowerCase().replaceAll(/[-_.]+/g, '_')}-${version}`
  const bytes = gzipSync(
    tar([
      [`${stem}/PKG-INFO`, Buffer.from(metadataText(options))],
      [`${stem}/pyproject.toml`, Buffer.from('[build-system]\nrequires = []\n')],
      [`${stem}/demo.py`, Buffer.from(code)],
    ]),
  )
  return fixture(`${stem}.tar.gz`, bytes, options, { filetype: 'sdist', pyversion: 'source' })
}

function metadataText({ name = 'demo', version = '1.0', headers = [], ...options }: FixtureOptions): string {
  const identity = [
    `Metadata-Version: ${options.coreMetadata ?? '2.2'}`,
    `Name: ${options.metadataName ?? name}`,
    `Version: ${options.metadataVersion ?? version}`,
  ]
  return `${[...identity, ...headers].join('\n')}\n\nA description.\n`
}

function fixture(
  filename: string,
  bytes: Uint8Array,
  options: FixtureOptions,
  kind: Readonly<Record<string, string>>,
): Fixture {
  const fields = new Map<string, readonly string[]>(
    Object.entries({
      ':action': ['file_upload'],
      protocol_version: ['1'],
      metadata_version: [options.coreMetadata ?? '2.2'],
      name: [options.name ?? 'demo'],
      version: [options.version ?? '1.0'],
      sha256_digest: [createHash('sha256').update(bytes).digest('hex')],
    }),
  )
  for (const [field, value] of Object.entries(kind)) fields.set(field, [value])
  for (const header of options.headers ?? []) {
    const [field = '', value = ''] = header.split(': ')
    const key = field.toLowerCase().replaceAll('-', '_')
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
  for (const [field, value] of Object.entries(options.form ?? {})) {
    if (value === undefined) fields.delete(field)
    else fields.set(field, typeof value === 'string' ? [value] : value)
  }
  return { filename, bytes, fields }
}

function zip(members: readonly (readonly [string, Buffer])[]): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const [path, data] of members) {
    const name = Buffer.from(path)
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(0x21, 8)
    shared.writeUInt32LE(crc32(data), 10)
    shared.writeUInt32LE(data.length, 14)
    shared.writeUInt32LE(data.length, 18)
    shared.writeUInt16LE(name.length, 22)
    local.push(Buffer.from('PK\u0003\u0004', 'latin1'), shared, name, data)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6)
    tail.writeUInt32LE(offset, 10)
    central.push(Buffer.from('PK\u0001\u0002\u0014\u0003', 'latin1'), shared, tail, name)
    offset += 30 + name.length + data.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\u0005\u0006', 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}

function tar(members: readonly (readonly [string, Buffer])[]): Buffer {
  const blocks = members.flatMap(([path, data]) => {
    const header = Buffer.alloc(512)
    header.write(path)
    header.write('0000644\0', 100)
    header.write('0000000\0', 108)
    header.write('0000000\0', 116)
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('00000000000\0', 136)
    header.write('        0', 148)
    header.write('ustar\u000000', 257, 'latin1')
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
