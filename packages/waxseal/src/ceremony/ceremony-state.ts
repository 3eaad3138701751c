import type { CeremonyState } from '@waxseal/index'
import { foldShards } from '@waxseal/trust'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT } from '../exit-codes.ts'
import { reasonOf } from '../new-file.ts'
import { writeWhole } from '../write-file.ts'
import { requestWords } from './request-words.ts'

/** Puts a copy of a request where it can be carried from. @throws CommandError `cannot-write`: the ceremony has begun all the same */
export function copyRequest({ request, path }: CeremonyState, out: string): void {
  try {
    writeWhole(out, Buffer.from(request.bytes).toString(), { mode: 0o644 })
  } catch (error) {
    const message = `The ceremony has begun, and its request is in ${path}; no copy of it could be put into ${out}: ${reasonOf(error)}.`
    throw new CommandError('cannot-write', message, EXIT_ENVIRONMENT, { cause: error })
  }
}

/** How far a ceremony has come, for scripts. */
export function documentOf({ request, path, signatures, ignored, progress, overtaken }: CeremonyState): object {
  return {
    ceremony: {
      request: path,
      sha256: request.sha256,
      root: request.root?.signed.version ?? null,
      roles: request.documents.map(({ role }) => role),
      words: requestWords(request),
      signed: [...new Set(signatures.map(({ keyid }) => keyid))],
      complete: progress.every(({ signed, threshold, server }) => server || signed.length >= threshold),
      progress: progress.map(({ role, words, threshold, signed, open, server }) => ({
        role,
        group: words,
        threshold,
        signed: signed.map(({ keyid }) => keyid),
        open,
        server,
      })),
      ignored,
      overtaken,
    },
  }
}

/** The same for people. */
export function progressLines({ progress, ignored, overtaken }: CeremonyState): readonly string[] {
  const groups = progress.map(({ role, words, threshold, signed, open, server }) => {
    const who = signed.length === 0 ? '' : ` (${signed.map(({ keyid }) => shortId(keyid)).join(', ')})`
    const still = signed.length >= threshold ? 'enough' : `may still sign: ${open.map(shortId).join(', ')}`
    const line = server
      ? `${words}: this server signs it when it is published`
      : `${words}: ${signed.length > threshold ? `${signed.length} have signed, where ${threshold} would do` : `${signed.length} of ${threshold} have signed`}${who}; ${still}`
    return { role, lines: [line] }
  })
  const complete = progress.every(({ signed, threshold, server }) => server || signed.length >= threshold)
  return [
    ...foldShards(groups),
    ...ignored.map((file) => `${file} holds no signatures that count here`),
    ...(overtaken
      ? ['What it starts from holds no more: give it up (waxseal ceremony abandon), and begin again']
      : complete
        ? ['Enough have signed: waxseal ceremony publish']
        : []),
  ]
}

/** As much of a key's id as is told from others at sight, and as commands take. */
function shortId(keyid: string): string {
  return keyid.slice(0, 8)
}
