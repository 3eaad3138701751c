import { createCipheriv, createHash } from 'node:crypto'
import { buildZip } from '../../packages/packaging/test/zip-builder.ts'
import type { SimulatedFile, Simulator } from '../../test/support/upstream-simulator.ts'
import { PythonText } from './python-text.ts'

/** What is in the newest wheel of a project for CPython on Linux; sizes in kilobytes. */
interface Shape {
  readonly name: string
  /** How many files its page lists. */
  readonly listed: number
  readonly modules: number
  readonly moduleSize: number
  /** All other files, their size, and what it is in the wheel. */
  readonly others: number
  readonly otherSize: number
  readonly otherPacked: number
}

/**
 * 30 projects of which web services are made: what their pages list, rounded, and what is in their newest wheels, counted (PyPI,
 * November 2026).
 */
const SHAPES: readonly Shape[] = (
  [
    ['attrs', 90, 19, 193, 16, 40, 12],
    ['boto3', 2800, 39, 305, 79, 684, 52],
    ['botocore', 2900, 76, 1441, 1945, 19_085, 15_262],
    ['certifi', 170, 5, 4, 7, 244, 134],
    ['charset-normalizer', 1000, 12, 192, 9, 590, 217],
    ['click', 160, 17, 441, 5, 5, 3],
    ['cryptography', 1400, 78, 429, 42, 14_569, 4633],
    ['django', 780, 883, 5680, 2785, 17_730, 6189],
    ['fastapi', 500, 52, 808, 13, 57, 20],
    ['grpcio', 3000, 56, 624, 10, 17_290, 7049],
    ['idna', 90, 10, 332, 6, 10, 4],
    ['jinja2', 130, 25, 490, 6, 6, 3],
    ['lxml', 2300, 29, 303, 145, 11_234, 5098],
    ['markupsafe', 900, 2, 13, 9, 53, 17],
    ['numpy', 2200, 487, 9118, 555, 48_241, 14_643],
    ['packaging', 120, 22, 481, 7, 17, 7],
    ['pandas', 1500, 1421, 21_322, 100, 17_725, 6218],
    ['pillow', 2700, 97, 1160, 43, 18_478, 6587],
    ['protobuf', 1300, 58, 958, 5, 430, 167],
    ['pydantic', 420, 105, 1773, 6, 120, 25],
    ['pydantic-core', 2700, 2, 173, 9, 5020, 2101],
    ['python-dateutil', 50, 18, 271, 7, 169, 157],
    ['pyyaml', 480, 18, 218, 6, 2655, 763],
    ['requests', 310, 19, 217, 7, 17, 6],
    ['setuptools', 1200, 224, 2390, 119, 383, 139],
    ['six', 60, 1, 34, 5, 3, 1],
    ['sqlalchemy', 2600, 258, 8555, 18, 9302, 2601],
    ['typing-extensions', 110, 1, 165, 4, 17, 6],
    ['urllib3', 220, 36, 434, 6, 15, 6],
    ['uvicorn', 300, 45, 281, 6, 12, 5],
  ] as const
).map(([name, listed, modules, moduleSize, others, otherSize, otherPacked]) => {
  return { name, listed, modules, moduleSize, others, otherSize, otherPacked }
})

/** Files of one folder of a wheel, as it is on average. */
const FOLDER = 8
/** How unequal files are: modules are less so than data, of which a shared library is often most. */
const MODULE_SKEW = 0.5
const DATA_SKEW = 1
/** After so many bytes data that can be packed repeats what came before. */
const REPEATED = 4096

/** An application that needs one wheel of each project. */
export interface Application {
  readonly name: string
  /** Of all wheels together. */
  readonly bytes: number
  readonly files: number
}

export const PACKAGES = SHAPES.length

/**
 * Adds the projects to an upstream, each with as many files, and two applications. One needs wheels with as many files as the real
 * ones, of as much Python and data. The other needs wheels of the same length with one file each that does not compress: nothing
 * but fetching.
 */
export function addRealShaped(
  upstream: Simulator,
  python: string,
): { readonly real: Application; readonly fetching: Application } {
  const text = new PythonText(python)
  const real = { name: 'bench-app', bytes: 0, files: 0 }
  const fetching = { name: 'bench-fetching', bytes: 0, files: 0 }
  const needs: [string, string][] = []
  for (const shape of SHAPES) {
    const { name, listed } = shape
    const full = contents(shape, text)
    const newest = wheel({ name, version: `${listed}.0`, contents: full })
    const same = new Map([[`${moduleName(name)}.bin`, noise(newest.bytes.length, name)]])
    const before = wheel({ name, version: `${listed - 1}.0`, contents: same })
    upstream.addProject({ name, files: [...olderOf(name, listed - 2), before, newest] })
    needs.push([name, `${name}==${listed - 1}.0`])
    real.bytes += newest.bytes.length
    real.files += full.size
    fetching.bytes += before.bytes.length
    fetching.files += same.size
  }
  const requires = [needs.map(([name]) => name), needs.map(([, pinned]) => pinned)]
  for (const [at, { name }] of [real, fetching].entries()) {
    upstream.addProject({ name, files: [wheel({ name, version: '1.0', requires: requires[at] ?? [] })] })
  }
  return { real, fetching }
}

/** All files of a wheel but those about it. */
function contents(shape: Shape, text: PythonText): ReadonlyMap<string, Buffer> {
  const { name, modules, moduleSize, others, otherSize, otherPacked } = shape
  const files = new Map<string, Buffer>()
  for (const [at, bytes] of sizes(modules, moduleSize, MODULE_SKEW).entries()) {
    files.set(place(name, `module_${at}.py`, at), text.module(bytes))
  }
  const random = noise(otherPacked * 1000, name)
  let used = 0
  for (const [at, bytes] of sizes(others, otherSize, DATA_SKEW).entries()) {
    const share = Math.floor((bytes * otherPacked) / otherSize)
    files.set(place(name, `data_${at}.bin`, at), packable(random.subarray(used, used + share), bytes))
    used += share
  }
  return files
}

function place(name: string, file: string, at: number): string {
  return `${moduleName(name)}/part_${Math.floor(at / FOLDER)}/${file}`
}

/** So many sizes in bytes, larger ones first. */
function sizes(count: number, kilobytes: number, skew: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, at) => 1 / (at + 1) ** skew)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => Math.floor((kilobytes * 1000 * weight) / sum))
}

/** So many bytes, of which about as many are left as `random` has when they are deflated. */
function packable(random: Buffer, bytes: number): Buffer {
  const all = Buffer.alloc(bytes)
  const share = bytes === 0 ? 0 : random.length / bytes
  let used = 0
  for (let at = 0; at < bytes; at += REPEATED) {
    const end = Math.min(at + REPEATED, bytes)
    const fresh = Math.min(Math.ceil((end - at) * share), random.length - used)
    random.copy(all, at, used, used + fresh)
    used += fresh
    // What stands just before, over and over.
    if (fresh > 0)
      for (let to = at + fresh; to < end; to += fresh) all.copy(all, to, at, Math.min(at + fresh, at + end - to))
  }
  return all
}

/** Bytes that do not compress, the same ones for the same seed. */
function noise(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

interface WheelParts {
  readonly name: string
  readonly version: string
  readonly requires?: readonly string[]
  readonly contents?: ReadonlyMap<string, Buffer>
}

function wheel({
  name,
  version,
  requires = [],
  contents: own = new Map<string, Buffer>(),
}: WheelParts): SimulatedFile & { readonly bytes: Buffer } {
  const stem = `${moduleName(name)}-${version}`
  const info = `${stem}.dist-info`
  const needs = requires.map((requirement) => `Requires-Dist: ${requirement}\n`).join('')
  const metadata = Buffer.from(`Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${needs}\n`)
  const about = 'Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
  const members = new Map([...own, [`${info}/METADATA`, metadata], [`${info}/WHEEL`, Buffer.from(about)]])
  const record = [...members].map(
    ([path, bytes]) => `${path},sha256=${createHash('sha256').update(bytes).digest('base64url')},${bytes.length}\n`,
  )
  members.set(`${info}/RECORD`, Buffer.from(`${record.join('')}${info}/RECORD,,\n`))
  const zip = buildZip([...members].map(([path, data]) => ({ name: path, data, deflate: true })))
  return {
    filename: `${stem}-py3-none-any.whl`,
    bytes: Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength),
    metadata,
    uploadTime: '2024-03-02T12:00:00.000000Z',
  }
}

function moduleName(name: string): string {
  return name.replaceAll('-', '_')
}

/** All files of a page that nobody fetches, so that one body does for all. */
function olderOf(name: string, files: number): SimulatedFile[] {
  const bytes = Buffer.from('never fetched')
  return Array.from({ length: files }, (_, at) => ({
    filename: `${moduleName(name)}-${at}.0-py3-none-any.whl`,
    bytes,
    uploadTime: '2024-03-01T12:00:00.000000Z',
  }))
}
