/** What one stable refusal code means: its HTTP status, what happened (`title`) and what to do next (`help`). */
export interface RefusalKind {
  readonly status: number
  readonly title: string
  readonly help: string
}

const AGAIN = 'Try again in a moment; if it goes on, tell the administrator of this index.'
const REBUILD = 'Rebuild the distribution with a current build backend and upload it again.'
const ASK_OWNER = 'Ask an owner of the project or the administrator of this index for access.'
const NEW_VERSION = 'Raise the version, build again and upload that.'

/**
 * Every refusal this server can give, by its stable code. The one place that decides an HTTP status (design.md
 * section 11). Policy refusals are 4xx: pip hides a 5xx's reason behind six tries, and twine sends the whole file again
 * (behaviour.md section 0 and 1.10). Only registered status codes: twine < 7 breaks on others (behaviour.md 1.8).
 */
const CATALOGUE = {
  // Reading
  'not-found': {
    status: 404,
    title: 'Not found',
    help: 'Check the spelling of the address; /simple/ lists the projects of this index.',
  },
  'file-not-found': {
    status: 404,
    title: 'No such file in this project',
    help: "Take the file's address from the project's page again: it may have been replaced since.",
  },
  'name-invalid': {
    status: 400,
    title: 'This is not a valid project name',
    help: 'Use ASCII letters, digits, ".", "_" and "-", beginning and ending with a letter or a digit.',
  },
  'not-acceptable': {
    status: 406,
    title: 'None of the accepted formats is available',
    help: 'Send an Accept header that allows application/json.',
  },
  // Access
  unauthorized: {
    status: 401,
    title: 'This index needs credentials',
    help: 'Use the user name __token__ and an API token of this index as the password.',
  },
  'invalid-credentials': {
    status: 401,
    title: 'The credentials are not valid',
    help: 'Check that the token is complete, has not expired and belongs to this index; if in doubt create a new one.',
  },
  'upload-credentials-invalid': {
    status: 403,
    title: 'Invalid or non-existent authentication information',
    help: 'Use the user name __token__ and an upload token of this index as the password.',
  },
  forbidden: { status: 403, title: 'This is not allowed for your account', help: ASK_OWNER },
  'token-scope': {
    status: 403,
    title: 'The token does not allow this',
    help: 'Create a token with the scope (read, upload or admin) and the project that this request needs.',
  },
  'too-many-failures': {
    status: 429,
    title: 'Too many failed attempts to sign in',
    help: 'Wait for the time that Retry-After gives, then use the right credentials.',
  },
  // Requests
  'bad-request': {
    status: 400,
    title: 'The request is malformed',
    help: 'Correct the request as the detail says; sending it again unchanged does not help.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not support the method',
    help: 'Use a method that the Allow header names; uploads go to /legacy/.',
  },
  'body-too-large': {
    status: 413,
    title: 'The request body is too large',
    help: 'Send less at once, or ask the administrator of this index to raise the limit.',
  },
  'uri-too-long': { status: 414, title: 'The address is too long', help: 'Shorten the address.' },
  'range-unsatisfiable': {
    status: 416,
    title: 'The range begins beyond the end',
    help: 'Ask for a range within the size that Content-Range gives.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The media type of the request body is not supported here',
    help: 'Send application/json to the API and multipart/form-data to the upload address.',
  },
  'too-many-headers': {
    status: 431,
    title: 'The request has too many headers',
    help: 'No client sends that many; look at what a proxy on the way adds.',
  },
  'request-timeout': { status: 408, title: 'The request took too long to arrive', help: AGAIN },
  conflict: {
    status: 409,
    title: 'The change conflicts with the present state',
    help: 'Read the present state, decide again and repeat the change.',
  },
  // Uploads: the form
  'upload-action-unknown': {
    status: 400,
    title: 'Unknown upload action',
    help: 'Send :action=file_upload, as twine, uv, Poetry, PDM and flit do.',
  },
  'upload-gone': {
    status: 410,
    title: 'This action is no longer supported',
    help: 'Upload the files instead: projects need no registration, and documentation is hosted elsewhere.',
  },
  'upload-slash': {
    status: 308,
    title: 'The upload address ends with a slash',
    help: 'Set the repository URL to the one with a trailing slash: /legacy/.',
  },
  'upload-protocol-version': {
    status: 400,
    title: 'Unknown protocol version',
    help: 'Send protocol_version=1, or leave it out.',
  },
  'upload-form-invalid': {
    status: 400,
    title: 'The upload form is malformed',
    help: 'Upload with a current twine, uv, Poetry, PDM or flit.',
  },
  'upload-incomplete': {
    status: 400,
    title: 'The upload ended before it was complete',
    help: 'Upload the file again; nothing of it was kept.',
  },
  'upload-no-file': {
    status: 400,
    title: 'Upload payload does not have a file',
    help: 'Send the distribution as the form field "content", with its file name.',
  },
  'upload-no-digest': {
    status: 400,
    title: 'Include at least one message digest',
    help: 'Send sha256_digest or blake2_256_digest; every current client does.',
  },
  'upload-digest-mismatch': {
    status: 400,
    title: 'The digest supplied does not match a digest calculated from the uploaded file',
    help: 'The file changed on its way or while it was read: upload it again.',
  },
  'upload-filetype': {
    status: 400,
    title: 'Unknown or unsupported file type',
    help: 'Upload a wheel (bdist_wheel, .whl) or a source distribution (sdist, .tar.gz).',
  },
  'upload-pyversion': {
    status: 400,
    title: 'The Python version field does not fit the file type',
    help: 'Send the Python tag for a wheel, and "source" or nothing for an sdist.',
  },
  'upload-part-type': {
    status: 400,
    title: 'The content part has no usable content type',
    help: 'Send the file as application/octet-stream.',
  },
  // Uploads: names and metadata
  'upload-filename-invalid': { status: 400, title: 'The file name is not valid', help: REBUILD },
  'upload-filename-mismatch': {
    status: 400,
    title: 'The file name does not match the name and version of the upload',
    help: REBUILD,
  },
  'upload-metadata-invalid': {
    status: 400,
    title: 'The metadata is not valid',
    help: 'Correct the field that is named in the project configuration, build again and upload that.',
  },
  'upload-metadata-mismatch': {
    status: 400,
    title: 'The metadata inside the file differs from the metadata of the upload',
    help: 'Upload the file as it was built, with a current client: it reads the form fields from the file.',
  },
  'upload-platform-tag': {
    status: 400,
    title: 'The platform tag is not supported',
    help: 'Build the wheel for a supported platform (for Linux see auditwheel), or allow the tag in the configuration.',
  },
  'upload-local-version': {
    status: 400,
    title: 'Local version labels are not allowed here',
    help: 'Remove the part from "+" on from the version, build again and upload that.',
  },
  // Uploads: what is in the file
  'upload-archive-invalid': { status: 400, title: 'Invalid distribution file', help: REBUILD },
  'upload-record-mismatch': {
    status: 400,
    title: 'RECORD is missing or does not match the content of the wheel',
    help: 'Do not change a wheel after it was built, or repack it with "wheel pack", and upload it again.',
  },
  'upload-license-file': {
    status: 400,
    title: 'A License-File that the metadata names is not in the distribution',
    help: REBUILD,
  },
  'upload-entry-points': {
    status: 400,
    title: 'entry_points.txt is not valid',
    help: 'Correct the entry points in the project configuration, build again and upload that.',
  },
  'upload-attestations-invalid': {
    status: 400,
    title: 'Invalid attestations supplied during upload',
    help: 'Create the attestations for exactly this file again, or upload without them.',
  },
  // Uploads: what is there already
  'upload-file-exists': { status: 400, title: 'File already exists', help: NEW_VERSION },
  'upload-identical-content': {
    status: 400,
    title: 'File already exists under another name, with identical content',
    help: 'Install the file that is there, or build the new one so that it differs.',
  },
  'upload-filename-burned': {
    status: 400,
    title: 'This filename was previously used by a file that has since been deleted',
    help: 'Use a different version: a file name is never used twice.',
  },
  'upload-second-sdist': {
    status: 400,
    title: 'Only one sdist may be uploaded per release',
    help: NEW_VERSION,
  },
  'upload-release-closed': {
    status: 400,
    title: 'The release is too old for new files',
    help: NEW_VERSION,
  },
  'upload-too-large': {
    status: 400,
    title: 'File too large',
    help: 'Make the distribution smaller, or ask the administrator of this index to raise the limit.',
  },
  'upload-project-too-large': {
    status: 400,
    title: 'Project size too large',
    help: 'Delete files that nobody needs, or ask the administrator of this index to raise the limit.',
  },
  'upload-project-archived': {
    status: 403,
    title: 'The project is archived and takes no new files',
    help: 'An owner can set its status back to active.',
  },
  'upload-project-quarantined': {
    status: 403,
    title: 'The project is quarantined and takes no new files',
    help: 'Ask the administrator of this index why, and to lift it.',
  },
  // Names
  'name-upstream': {
    status: 403,
    title: 'The name exists upstream',
    help: 'Choose another name, or ask an administrator of this index to claim this one deliberately.',
  },
  'name-claim-unverified': {
    status: 403,
    title: 'It cannot be checked at the moment whether the name exists upstream',
    help: 'Try again when the upstream answers, or ask an administrator of this index to claim the name.',
  },
  'name-reserved': {
    status: 403,
    title: 'The name is reserved',
    help: 'Choose a name outside the reserved prefix, or ask its holder for the permission to use it.',
  },
  'name-namespace': {
    status: 409,
    title: 'The name is in a namespace of somebody else',
    help: 'Choose a name outside of the namespace, or ask its owner to upload it, or to have it shared with you.',
  },
  'name-not-yours': {
    status: 403,
    title: 'The project belongs to somebody else',
    help: ASK_OWNER,
  },
  'name-prohibited': {
    status: 403,
    title: 'The name is one that no project may have',
    help: 'Choose another name. An administrator of this index can claim it all the same: waxseal project claim NAME --prohibited.',
  },
  'name-look-alike': {
    status: 403,
    title: 'The name is too easily taken for another one',
    help: 'Choose a name that nobody takes for another. An administrator of this index can claim it all the same: waxseal project claim NAME --look-alike.',
  },
  'name-not-registered': {
    status: 403,
    title: 'A first upload does not register names here',
    help: 'Ask an administrator of this index to claim the name, or choose one under a prefix of this index where that is allowed.',
  },
  'request-limit': {
    status: 429,
    title: 'Too many requests for what is withheld',
    help: 'Wait a day, or ask an administrator of this index by another way.',
  },
  'name-claim-limit': {
    status: 403,
    title: 'Too many new names in one day',
    help: 'Wait until the time that the detail gives, or ask an administrator of this index to claim the name. Uploads to names that exist are not limited.',
  },
  // Files that are known and not given out
  'file-quarantined': {
    status: 403,
    title: 'The file is quarantined',
    help: 'Use another version; the why link says who decided this and when.',
  },
  'file-blocked': {
    status: 403,
    title: 'The file is blocked',
    help: 'Use another version; the why link says who decided this and when.',
  },
  'file-unapproved': {
    status: 403,
    title: 'The file needs an approval',
    help: 'Use a version that is approved, or ask for this one: waxseal request NAME==VERSION.',
  },
  'file-cooldown': {
    status: 403,
    title: 'The file is younger than this index allows',
    help: 'Use an older version, wait until the time that is given, or ask for an approval: waxseal request NAME==VERSION.',
  },
  'file-merge-conflict': {
    status: 409,
    title: 'The owner of the name has another file in its place',
    help: 'Use the file of the owner of the name; the why link says whose it is.',
  },
  'file-merge-refused': {
    status: 403,
    title: 'The second source of this name may not add this file',
    help: 'Use a file that is offered; the why link says what the merge allows.',
  },
  'name-unclaimed': {
    status: 403,
    title: 'Nobody has approved this name',
    help: 'Ask for it: waxseal request NAME; who decides about names sees the request.',
  },
  'file-withheld': {
    status: 403,
    title: 'The file is withheld',
    help: 'Use an older version, or wait until the time that the why link gives.',
  },
  'file-withdrawn': {
    status: 410,
    title: 'The upstream has withdrawn the file before this index kept a copy',
    help: 'Use another version.',
  },
  'file-not-kept': {
    status: 403,
    title: 'The file is known, not kept here, and no upstream is asked at present',
    help: 'Use a version that is kept, or ask the administrator of this index to take it back online.',
  },
  'file-deleted': { status: 410, title: 'The file has been deleted', help: 'Use another version.' },
  // The upstream and ourselves
  'upstream-unavailable': { status: 503, title: 'The upstream index cannot be reached', help: AGAIN },
  'upstream-file-changed': {
    status: 502,
    title: 'The upstream sent other bytes than it promised',
    help: 'Nothing was stored. Try again; if it goes on, use another version and tell the administrator of this index.',
  },
  'upstream-timeout': { status: 504, title: 'The upstream index did not answer in time', help: AGAIN },
  'internal-unavailable': { status: 503, title: 'The internal index cannot answer at the moment', help: AGAIN },
  stopping: { status: 503, title: 'This server is being stopped', help: AGAIN },
  'stored-file-lost': {
    status: 503,
    title: 'The index has lost the bytes of this file',
    help: 'Use another version, or tell the administrator of this index: "waxseal doctor" finds and repairs this; uploading the very same file again heals it too.',
  },
  'storage-unavailable': { status: 503, title: 'The storage cannot be reached at the moment', help: AGAIN },
  'storage-full': {
    status: 503,
    title: 'The disk of this index is full',
    help: 'Nothing was kept of this request. Tell the administrator of this index, and try again when there is space.',
  },
  offline: {
    status: 503,
    title: 'The index asks no upstream at present',
    help: 'Install what it keeps (/simple/ lists it), or ask its administrator to take it back online.',
  },
  'too-busy': {
    status: 503,
    title: 'The server is too busy',
    help: 'Wait for the time that Retry-After gives and try again.',
  },
  'read-only': {
    status: 403,
    title: 'Read-only mode: uploads and changes are temporarily disabled',
    help: 'Try again when the maintenance is over, or use the address of the index that takes changes.',
  },
  'internal-error': {
    status: 500,
    title: 'The server failed to answer because of a fault of its own',
    help: "Try again; if it goes on, tell the administrator of this index: the server's log has the cause.",
  },
} as const satisfies Readonly<Record<string, RefusalKind>>

/** The stable name of a refusal; part of the API, never renamed. */
export type RefusalCode = keyof typeof CATALOGUE

/** What `code` means. */
export function refusalKind(code: RefusalCode): RefusalKind {
  return CATALOGUE[code]
}

/** Every code with its meaning, in catalogue order: what the pages under `/docs/errors/` are generated from. */
export function refusalPages(): readonly (RefusalKind & { readonly code: RefusalCode })[] {
  return (Object.keys(CATALOGUE) as RefusalCode[]).map((code) => ({ code, ...refusalKind(code) }))
}
