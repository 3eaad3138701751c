import { PackagingError, formatVersion, parseSdistFilename, parseWheelFilename } from '@waxseal/packaging'
import { z } from 'zod'
import { MAX_ATTESTATIONS } from '../limits.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

const base64 = z.base64().min(1)

// Loose objects: PEP 740 lets versions after this one add keys, and what is kept is the text as it came.
const Attestation = z.looseObject({
  version: z.literal(1),
  verification_material: z.looseObject({
    certificate: base64,
    transparency_entries: z.array(z.looseObject({})).min(1),
  }),
  envelope: z.looseObject({ statement: base64, signature: base64 }),
})

const Statement = z.looseObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.tuple([z.looseObject({ name: z.string(), digest: z.looseObject({ sha256: z.string() }) })]),
  predicateType: z.string().min(1),
})

/**
 * Checks the structure of the field `attestations` and that each statement is about this very file (PEP 740; behaviour.md 1.7;
 * standards.md 2.7). Signatures and identities are not looked at: what is kept is a document, not a proof, and nothing may be shown as
 * verified because of it.
 */
export function checkAttestations(
  text: string,
  file: { readonly filename: string; readonly sha256: string },
): { readonly kind: 'ok'; readonly document: Uint8Array } | Refusal {
  const attestations = z.array(Attestation).min(1).max(MAX_ATTESTATIONS).safeParse(parseJson(text))
  if (!attestations.success)
    return refuseAttestations(`the field is not a list of PEP 740 attestations (${where(attestations.error)})`)

  const predicates = new Set<string>()
  for (const { envelope } of attestations.data) {
    const statement = Statement.safeParse(parseJson(Buffer.from(envelope.statement, 'base64').toString('utf8')))
    if (!statement.success)
      return refuseAttestations(`a statement is not an in-toto statement about one file (${where(statement.error)})`)
    const [subject] = statement.data.subject
    if (!isSameFilename(subject.name, file.filename))
      return refuseAttestations('the subject of a statement is another file')
    if (subject.digest.sha256 !== file.sha256)
      return refuseAttestations('the digest in a statement is not the digest of the file')
    if (predicates.has(statement.data.predicateType))
      return refuseAttestations('two attestations have the same predicate type')
    predicates.add(statement.data.predicateType)
  }
  return { kind: 'ok', document: Buffer.from(text, 'utf8') }
}

/** PEP 740: names are compared after parsing, because a statement may spell one file in another equivalent way. */
function isSameFilename(subject: string, filename: string): boolean {
  if (subject === filename) return true
  const parsed = filenameKey(subject)
  return parsed !== undefined && parsed === filenameKey(filename)
}

function filenameKey(filename: string): string | undefined {
  try {
    if (!filename.endsWith('.whl')) {
      const { name, version } = parseSdistFilename(filename)
      return JSON.stringify([name, formatVersion(version)])
    }
    const wheel = parseWheelFilename(filename)
    const tags = [wheel.pythonTags, wheel.abiTags, wheel.platformTags].map((set) => [...set].sort())
    const build = wheel.build === undefined ? null : [String(wheel.build.number), wheel.build.suffix]
    return JSON.stringify([wheel.name, formatVersion(wheel.version), build, ...tags])
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function where(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? ''
  return path === '' ? 'not a list of one or two objects' : `see ${path}`
}

function refuseAttestations(reason: string): Refusal {
  return refuse('upload-attestations-invalid', `Invalid attestations supplied during upload: ${reason}.`)
}
