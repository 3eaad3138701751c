import type { RefusalCode } from './refusal-catalogue.ts'

const ARCHIVE =
  'What two tools read differently is how one is shown harmless content and another installs something else. So archives are opened, and whatever is ambiguous is refused.'
const NEVER_TWICE =
  'A file that changes under its name breaks every lock file, and is how a stolen token replaces what others already trust. So a file name means the same bytes for ever, also after it was deleted.'
const ONE_ANSWER = 'One place answers for each name. If two could, whoever publishes the higher version would win.'
const METADATA =
  'Installers decide by this metadata before they open the file, so a file must say what its upload says.'

/** Why a refusal exists, where its title does not say so: a sentence or two for the page of its code. */
const REASONS: Readonly<Partial<Record<RefusalCode, string>>> = {
  unauthorized: 'Uploads and changes need a token; reading does where the administrator made the index private.',
  'token-scope': 'A token that can do little does little harm when it leaks.',
  'too-many-failures': 'Guessing of passwords and tokens is slowed down, by user and by address.',
  'upload-slash': 'Clients do not repeat an upload at another address, so the right one has to be configured.',
  'upload-digest-mismatch': 'The client says which bytes it means to send; other bytes arrived.',
  'upload-filename-mismatch': 'Installers take name and version from the file name, before they open the file.',
  'upload-metadata-invalid': METADATA,
  'upload-metadata-mismatch': METADATA,
  'upload-archive-invalid': ARCHIVE,
  'upload-record-mismatch':
    'RECORD lists each file of a wheel with its hash. What is not in it, or differs, came in after the build.',
  'upload-license-file': METADATA,
  'upload-entry-points': 'Installers write programs from it; a malformed one fails at everybody who installs.',
  'upload-file-exists': NEVER_TWICE,
  'upload-filename-burned': NEVER_TWICE,
  'upload-identical-content':
    'The same bytes under two names are nearly always a wrong file name, and PyPI refuses them too.',
  'upload-second-sdist': 'Installers take one sdist of a release, and nobody could say which.',
  'upload-release-closed':
    'A file that joins a release years later is installed by people who locked the version, not the files.',
  'upload-incomplete': 'The connection ended before the file did. Nothing that is not whole is kept.',
  'name-upstream': `${ONE_ANSWER} This name belongs to an upstream; a claim by an administrator changes that, deliberately.`,
  'name-claim-unverified': `${ONE_ANSWER} Before a new name is claimed, each upstream has to say that it does not have it, and one of them does not answer.`,
  'name-reserved': `${ONE_ANSWER} A prefix was set apart for names that do not exist yet.`,
  'name-namespace': `${ONE_ANSWER} A namespace was granted, and new names in it are its owner's (PEP 752). Projects that were there before stay with whom they were.`,
  'name-prohibited': 'Names that mean something else to clients would be taken for it.',
  'name-not-yours': 'A token for one project never creates another.',
  'file-not-found':
    'The address holds the sha256 of the file: it can mean one file only, and the project does not have that one.',
  'file-quarantined': 'An administrator, or the upstream, withdrew it while something is looked into.',
  'file-withdrawn': 'The upstream does not offer it any more, and nobody had downloaded it through this index.',
  'file-not-kept': 'The index was told to ask nobody (read-only or offline), and it never fetched this file.',
  offline:
    'The index was told to ask no upstream. Whether a name exists there cannot be said, so it is not a 404, which would send clients elsewhere.',
  'upstream-unavailable':
    'The upstream that answers for the name does not. No other takes its place, because then an outage would decide who is believed.',
  'upstream-file-changed':
    'A file is fixed by the sha256 that it had when the index first saw it. What was sent differs.',
  'read-only': 'The administrator stopped all changes, for example during a migration. Installing goes on.',
  'too-busy': 'Work that takes memory or time is limited, so that one request does not starve the others.',
  'storage-full': 'The disk is full. What was stored before is served as always.',
  stopping: 'The server is being restarted or replaced. What is under way is finished, new requests are turned away.',
  'request-timeout': 'Connections that send nothing are ended, so that they take the place of nobody.',
}

/** Why `code` exists, or undefined where its title says it all. */
export function refusalReason(code: RefusalCode): string | undefined {
  return REASONS[code]
}
