import { randomBytes } from 'node:crypto'
import type { Distribution } from '../../test/support/python-projects.ts'
import { buildWheel } from '../../test/support/python-projects.ts'
import type { SimulatedFile, Simulator } from '../../test/support/upstream-simulator.ts'

/**
 * Shapes of 30 projects of which web services are made, rounded: kilobytes of the newest wheel, and how many files their pages
 * list (as PyPI showed them in 2026). What is in them does not matter to whoever fetches them.
 */
const SHAPES: readonly (readonly [name: string, kilobytes: number, files: number])[] = [
  ['botocore', 14_000, 2900],
  ['boto3', 140, 2800],
  ['numpy', 16_000, 2200],
  ['pandas', 12_000, 1500],
  ['cryptography', 4400, 1400],
  ['sqlalchemy', 3300, 2600],
  ['pydantic-core', 2000, 2700],
  ['pillow', 7000, 2700],
  ['lxml', 5200, 2300],
  ['django', 8300, 780],
  ['grpcio', 6600, 3000],
  ['protobuf', 320, 1300],
  ['setuptools', 1000, 1200],
  ['pyyaml', 800, 480],
  ['requests', 65, 310],
  ['urllib3', 130, 220],
  ['certifi', 160, 170],
  ['idna', 70, 90],
  ['charset-normalizer', 150, 1000],
  ['packaging', 66, 120],
  ['typing-extensions', 45, 110],
  ['six', 11, 60],
  ['python-dateutil', 230, 50],
  ['click', 100, 160],
  ['jinja2', 130, 130],
  ['markupsafe', 22, 900],
  ['attrs', 64, 90],
  ['pydantic', 440, 420],
  ['fastapi', 95, 500],
  ['uvicorn', 63, 300],
]

/** The one that needs all others. */
export const ROOT_PACKAGE = 'bench-app'
export const PACKAGES = SHAPES.length

/** Adds them to an upstream, each with as many files; bytes of the wheels that an install fetches. */
export function addRealShaped(upstream: Simulator): number {
  let bytes = 0
  for (const [name, kilobytes, files] of SHAPES) {
    const newest = buildWheel({ name, version: `${files}.0`, module: noise(kilobytes * 1000) })
    bytes += newest.bytes.length
    upstream.addProject({ name, files: [...olderOf(name, files), simulated(newest)] })
  }
  const app = buildWheel({ name: ROOT_PACKAGE, version: '1.0', requires: SHAPES.map(([name]) => name) })
  upstream.addProject({ name: ROOT_PACKAGE, files: [simulated(app)] })
  return bytes + app.bytes.length
}

/** All files of a page but the last; nobody fetches them, so that one body does for all. */
function olderOf(name: string, files: number): SimulatedFile[] {
  const bytes = Buffer.from('never fetched')
  return Array.from({ length: files - 1 }, (_, at) => ({
    filename: `${name.replaceAll('-', '_')}-${at}.0-py3-none-any.whl`,
    bytes,
    uploadTime: '2024-03-01T12:00:00.000000Z',
  }))
}

function simulated({ filename, bytes, metadata }: Distribution): SimulatedFile {
  return { filename, bytes, metadata: Buffer.from(metadata), uploadTime: '2024-03-02T12:00:00.000000Z' }
}

/** Text of so many bytes that does not compress: wheels are compressed already. */
function noise(bytes: number): string {
  return `# ${randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64')}\n`
}
