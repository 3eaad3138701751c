import {
  PackagingError,
  formatSdistFilename,
  formatVersion,
  isAcceptedPlatformTag,
  isSafeFilename,
  parseSdistFilename,
  sdistVersionForProject,
  parseWheelFilename,
} from '@waxseal/packaging'
import type { WheelFilename } from '@waxseal/packaging'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { UploadRequest } from './upload-checks.ts'

/** The file name could be stored, linked and shown, and its extension is that of its kind (behaviour.md 1.4 M; FN-PATH). */
export function checkFilenameForm(filename: string, kind: 'wheel' | 'sdist'): Refusal | undefined {
  // The two sentences that people know from PyPI come first; the allow-list after them catches everything else.
  if (/[\0-\x1f\x7f]/.test(filename)) {
    return refuse('upload-filename-invalid', 'Cannot upload a file with non-printable characters in the name.')
  }
  if (/[/\\]/.test(filename)) {
    return refuse('upload-filename-invalid', String.raw`Cannot upload a file with '/' or '\' in the name.`)
  }
  if (!isSafeFilename(filename)) {
    return refuse(
      'upload-filename-invalid',
      'The file name has to begin with a letter or a digit and may hold ASCII letters, digits and the characters . _ + ! - only.',
    )
  }
  const extension = kind === 'wheel' ? '.whl' : '.tar.gz'
  if (filename.endsWith(extension)) return undefined
  return refuse(
    'upload-filename-invalid',
    `Invalid file extension: Use ${extension} for ${kind === 'wheel' ? 'a wheel' : 'an sdist'}.`,
  )
}

/** The file name says the project and version of the form, in its normal spelling (behaviour.md 1.4 V and W; FN-AMB, FN-PLAT). */
export function checkFilenameMatches(
  upload: Pick<UploadRequest, 'kind' | 'filename' | 'project' | 'version'>,
  policy: { readonly linuxTags: boolean },
): Refusal | undefined {
  try {
    return upload.kind === 'wheel' ? checkWheel(upload, policy) : checkSdist(upload)
  } catch (error) {
    if (!(error instanceof PackagingError)) throw error
    return refuse('upload-filename-invalid', `Invalid filename: ${error.message}`)
  }
}

const OLDER_BACKEND = 'Older build backends do not; build it again with a current one (PEP 625).'

function checkSdist({
  filename,
  project,
  version,
}: Pick<UploadRequest, 'filename' | 'project' | 'version'>): Refusal | undefined {
  const expected = formatSdistFilename(project, version)
  const start = project.replaceAll('-', '_')
  if (!filename.startsWith(`${start}-`)) {
    // flit 3.8, which is Debian 12's, spells it so: its users need to know what to do about it.
    const older = sdistVersionForProject(filename, project) === undefined ? '' : ` ${OLDER_BACKEND}`
    return refuse('upload-filename-mismatch', `Start filename for '${project}' with '${start}'.${older}`)
  }
  if (filename === expected) {
    parseSdistFilename(filename)
    return undefined
  }
  return refuse('upload-filename-mismatch', `Filename '${filename}' is invalid, should be '${expected}'.`)
}

function checkWheel(
  { filename, project, version }: Pick<UploadRequest, 'filename' | 'project' | 'version'>,
  policy: { readonly linuxTags: boolean },
): Refusal | undefined {
  const wheel: WheelFilename = parseWheelFilename(filename)
  for (const tag of wheel.platformTags) {
    if (!isAcceptedPlatformTag(tag, { linux: policy.linuxTags })) {
      return refuse('upload-platform-tag', `Binary wheel '${filename}' has an unsupported platform tag '${tag}'.`)
    }
  }
  const start = project.replaceAll('-', '_')
  if (wheel.name !== project) {
    return refuse('upload-filename-mismatch', `Start filename for '${project}' with '${start}'.`)
  }
  if (wheel.rawName !== start) {
    return refuse(
      'upload-filename-mismatch',
      `Filename '${filename}' should contain the normalized project name '${start}', not '${wheel.rawName}'.`,
    )
  }
  // Spelt the same, not only equal: `1.0`, `1.0.0` and `v1.0` would be several names for one thing (attacks.md FN-AMB).
  const wanted = formatVersion(version)
  if (wheel.rawVersion === wanted) return undefined
  return refuse('upload-filename-mismatch', `Version in filename should be '${wanted}' not '${wheel.rawVersion}'.`)
}
