import { hash } from 'node:crypto'
import type { Delegation, Delegations, RoleKeys, Root, TargetFile, Targets } from '../metadata.ts'
import { TOP_LEVEL_ROLES } from '../metadata.ts'
import type { PublicKey } from '../public-key.ts'
import { wireJson } from '../canonical-json.ts'
import { binCount } from '../succinct-bins.ts'
import { writeTime } from '../timestamps.ts'
import type { CeremonyDocument, CeremonyRequest } from './ceremony-request.ts'
import { documentSha256 } from './ceremony-request.ts'
import { foldShards } from './fold-shards.ts'
import { mixedKeys } from './mixed-keys.ts'
import type { TargetDifference } from './target-contents.ts'
import { targetDifferences } from './target-contents.ts'

/** A target that a request changes, as far as the request has what stands in it. */
export interface ChangedTarget {
  readonly path: string
  /** What will stand in it; `undefined` where it is listed no more. */
  readonly after: Uint8Array | undefined
  /** What stands in it now; `undefined` where it is new, or where the request does not have it. */
  readonly before: Uint8Array | undefined
  /** Whether nothing was listed there before. */
  readonly isNew: boolean
}

/** Puts what stands in a target into words, line by line; `undefined` where it knows no words for it. */
export type DescribeTarget = (target: ChangedTarget) => readonly string[] | undefined

/**
 * What a request changes, in words, line by line. All of it comes from the documents that will be signed and from what the keys
 * before have signed; the request has no words of its own that somebody could lie with. `serversRoles` are those whose keys lie on
 * a server, bins by their prefix. What `describeTarget` says of a target stands below what is said of every target anyway: its
 * length, its hash, and whether it is new.
 */
export function describeRequest(
  request: CeremonyRequest,
  serversRoles: ReadonlySet<string> = new Set(['snapshot', 'timestamp']),
  describeTarget: DescribeTarget = () => undefined,
): readonly string[] {
  const { root, documents } = request
  const start =
    root === undefined
      ? 'A NEW repository begins: nobody trusts it yet.'
      : `It starts from root version ${root.signed.version}, whose file has the sha256 ${hash('sha256', root.bytes)}. Compare it with yours.`
  const mixed = mixedKeys(request, serversRoles).map(
    ({ keyid, held, served }) =>
      `WARNING: the key ${keyid} shall sign ${held.join(' and ')}, and LIES ON THE SERVER for ${served.join(', ')}: whoever breaks into that signs as a holder. Do not sign this.`,
  )
  const targets = Map.groupBy(targetDifferences(request), ({ role }) => role)
  const told = documents.map((one) => {
    const lists = (targets.get(one.role) ?? []).flatMap((target) => targetChange(target, describeTarget))
    return { role: one.role, lines: describeDocument(one, lists) }
  })
  return [start, ...mixed, ...foldShards(told)]
}

/** A key as it is shown to people. */
export function keyWords({ keyid, scheme }: Pick<PublicKey, 'keyid' | 'scheme'>): string {
  return `${keyid} (${scheme})`
}

/** What was signed before this and after what the request calls the current file is not in it: what went is not shown. */
function skippedVersions({ signed, before }: CeremonyDocument): readonly string[] {
  if (before === undefined || signed.version === before.version + 1) return []
  const [from, to] = [before.version + 1, signed.version - 1]
  return [
    `WARNING: ${from === to ? `version ${from} is` : `versions ${from} to ${to} are`} left out. After a restored backup that is right; else somebody hides what they listed, and signing this takes it away UNSEEN.`,
  ]
}

function describeDocument(document: CeremonyDocument, lists: readonly string[]): readonly string[] {
  const { role, signed, before, groups } = document
  const from = before === undefined ? 'is new' : `goes from version ${before.version} to ${signed.version}`
  const until = before === undefined ? '' : `, before until ${writeTime(before.expires)}`
  return [
    `${role} ${from}: it holds until ${writeTime(signed.expires)}${until}. What is signed has the sha256 ${documentSha256(document)}.`,
    ...indent([
      ...skippedVersions(document),
      ...(document.kind === 'root' ? rootChanges(document) : targetsChanges(document, lists)),
      ...groups.map(
        ({ words, trust }) =>
          `It needs the signatures of ${trust.threshold} of these keys (${words}): ${trust.keyids.join(', ')}.`,
      ),
    ]),
  ]
}

function rootChanges({
  signed,
  before,
}: {
  readonly signed: Root
  readonly before: Root | undefined
}): readonly string[] {
  const lines = TOP_LEVEL_ROLES.flatMap((role) =>
    keyChanges(role, before && { ...keysOf(before, role), keys: before.keys }, {
      ...keysOf(signed, role),
      keys: signed.keys,
    }),
  )
  if (signed.consistentSnapshot !== (before?.consistentSnapshot ?? true)) {
    lines.push(`Consistent snapshots are ${signed.consistentSnapshot ? 'on' : 'off'} from now on.`)
  }
  return lines.length === 0 ? ['No key changes.'] : lines
}

function keysOf(root: Root, role: (typeof TOP_LEVEL_ROLES)[number]): RoleKeys {
  return root.roles.get(role) ?? { keyids: [], threshold: 0 }
}

interface Keyed extends RoleKeys {
  readonly keys: ReadonlyMap<string, PublicKey>
}

function keyChanges(role: string, before: Keyed | undefined, after: Keyed): string[] {
  const lines: string[] = []
  for (const keyid of after.keyids) {
    if (before?.keyids.includes(keyid) !== true) lines.push(`${role}: the key ${wordsOf(after, keyid)} COMES.`)
  }
  for (const keyid of before?.keyids ?? []) {
    if (!after.keyids.includes(keyid)) lines.push(`${role}: the key ${keyid} GOES.`)
  }
  if (before === undefined) lines.push(`${role}: ${after.threshold} of ${after.keyids.length} keys have to sign.`)
  else if (before.threshold !== after.threshold || before.keyids.length !== after.keyids.length) {
    lines.push(
      `${role}: ${after.threshold} of ${after.keyids.length} keys have to sign, before ${before.threshold} of ${before.keyids.length}.`,
    )
  }
  return lines
}

function wordsOf({ keys }: Keyed, keyid: string): string {
  const key = keys.get(keyid)
  return key === undefined ? `${keyid} (which is not there and cannot sign)` : keyWords(key)
}

function targetChange(target: TargetDifference, describeTarget: DescribeTarget): readonly string[] {
  const { path, after, before } = target
  const lines = indent(contentLines(target, describeTarget))
  if (after === undefined) return [`It lists ${path} NO MORE.`, ...lines]
  const words = fileWords(after.file)
  if (before === undefined) return [`It lists ${path}: ${words}.`, ...lines]
  return [`It CHANGES ${path}: ${words}, before ${fileWords(before.file)}.`, ...lines]
}

function contentLines({ path, after, before }: TargetDifference, describeTarget: DescribeTarget): readonly string[] {
  if (after !== undefined && after.content === undefined) return ['What stands in it is not in this request.']
  if (after === undefined && before?.content === undefined) return []
  const changed = { path, after: after?.content, before: before?.content, isNew: before === undefined }
  return describeTarget(changed)?.map(printable) ?? []
}

/** What stands in a target comes from outside: it gives a terminal no commands, and turns no line around (attacks.md LOG). */
function printable(line: string): string {
  return line.replaceAll(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

function targetsChanges(
  { signed, before }: { readonly signed: Targets; readonly before: Targets | undefined },
  lists: readonly string[],
): readonly string[] {
  const lines = [...lists, ...delegationChanges(before?.delegations, signed.delegations)]
  if (lines.length > 0) return lines
  return [before === undefined ? 'It lists nothing.' : 'Nothing in it changes: it is signed anew.']
}

function fileWords({ length, hashes, custom }: TargetFile): string {
  const digests = Array.from(hashes, ([algorithm, digest]) => `${JSON.stringify(algorithm)} ${JSON.stringify(digest)}`)
  // By its hash: what stands in it may hold anything that a terminal would obey.
  const more = custom === undefined ? '' : `, more about it with the sha256 ${hash('sha256', wireJson(custom))}`
  return `${length} bytes, ${digests.join(', ')}${more}`
}

function delegationChanges(before: Delegations | undefined, after: Delegations | undefined): readonly string[] {
  const old = new Map(before?.roles.map((role) => [role.name, role]))
  const now = new Map(after?.roles.map((role) => [role.name, role]))
  const lines = [
    ...foldShards(
      Array.from(now.values(), (role) => ({
        role: role.name,
        lines: delegationChange(old.get(role.name), before, role, after),
      })),
    ),
  ]
  for (const name of old.keys()) if (!now.has(name)) lines.push(`It delegates to ${name} NO MORE.`)
  const kept = [...now.keys()].filter((name) => old.has(name))
  const order = [...old.keys()].filter((name) => now.has(name))
  if (kept.join(' ') !== order.join(' ')) lines.push(`The ORDER of its roles changes: ${[...now.keys()].join(', ')}.`)
  else if (old.size > 0 && now.size > kept.length)
    lines.push(`The order of its roles is now: ${[...now.keys()].join(', ')}.`)
  return [...lines, ...binChanges(before, after)]
}

function delegationChange(
  previous: Delegation | undefined,
  before: Delegations | undefined,
  role: Delegation,
  after: Delegations | undefined,
): readonly string[] {
  const moved =
    previous === undefined
      ? [`It delegates to ${role.name}: ${pathWords(role)}.`]
      : pathWords(previous) === pathWords(role)
        ? []
        : [`It MOVES what ${role.name} covers: ${pathWords(role)}, before ${pathWords(previous)}.`]
  const keyed = previous && { ...previous, keys: before?.keys ?? new Map<string, PublicKey>() }
  const keys = after?.keys ?? new Map<string, PublicKey>()
  return [...moved, ...keyChanges(role.name, keyed, { ...role, keys })]
}

function binChanges(before: Delegations | undefined, after: Delegations | undefined): readonly string[] {
  const old = before?.succinct
  const now = after?.succinct
  if (now === undefined) return old === undefined ? [] : [`It has NO bins any more.`]
  const words = (bins: typeof now): string => `${binCount(bins)} bins named ${bins.namePrefix}-…`
  const keys = after?.keys ?? new Map<string, PublicKey>()
  const oldKeyed = old && { ...old, keys: before?.keys ?? new Map<string, PublicKey>() }
  const changed = old === undefined || words(old) !== words(now)
  return [
    ...(changed ? [`It delegates to ${words(now)}${old === undefined ? '' : `, before to ${words(old)}`}.`] : []),
    ...keyChanges(`bins ${now.namePrefix}`, oldKeyed, { ...now, keys }),
  ]
}

function pathWords({ paths, pathHashPrefixes, terminating }: Delegation): string {
  const covered = paths?.join(', ') ?? `paths whose hash begins with ${pathHashPrefixes?.join(', ')}`
  return `${covered}${terminating ? ', and nobody after it' : ', and others after it'}`
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}
