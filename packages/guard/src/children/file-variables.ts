import type { Preparing } from './preparing.ts'
import type { RequirementsFiles } from './requirements-file.ts'

/** Variables that name requirements files, separated by spaces: pip's and uv's. */
const FILE_VARIABLES = [
  'PIP_REQUIREMENT',
  'PIP_CONSTRAINT',
  'PIP_BUILD_CONSTRAINT',
  'UV_CONSTRAINT',
  'UV_BUILD_CONSTRAINT',
  'UV_OVERRIDE',
  'UV_EXCLUDE',
]

/** Checks the files that a child, or one that it starts, reads because of its environment; the variables as the child gets them. */
export async function fileVariables(
  preparing: Preparing,
  files: RequirementsFiles,
): Promise<Readonly<Record<string, string>>> {
  const mapped: Record<string, string> = {}
  for (const name of FILE_VARIABLES) {
    const paths = preparing.env[name]?.split(/\s+/).filter((path) => path !== '') ?? []
    const prepared: string[] = []
    for (const path of paths) prepared.push(await files.prepare(path, preparing.cwd))
    if (paths.length > 0) mapped[name] = prepared.join(' ')
  }
  return mapped
}
