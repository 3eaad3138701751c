import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Administration, Ceremonies, CeremonyState, PendingSeals, SealSelection } from '@waxseal/index'
import { describeNameTarget } from '@waxseal/index/names'
import { normalizeProjectName } from '@waxseal/packaging'
import { signRequest } from '@waxseal/trust'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { confirmed } from '../ask-passphrase.ts'
import { copyRequest, documentOf, progressLines } from '../ceremony/ceremony-state.ts'
import { publishCeremony } from '../ceremony/publish-ceremony.ts'
import { requestWords } from '../ceremony/request-words.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { holderKey } from '../holder-key.ts'
import type { HolderKey } from '../holder-key.ts'
import { requireNewFile } from '../new-file.ts'
import { offlineFolderOf } from '../offline-keys.ts'
import { counted, printResult, terminalText } from '../output.ts'

interface SealOptions extends AdministerOptions {
  readonly upstream?: readonly string[]
  readonly open?: readonly string[]
  readonly namespaces?: boolean
  readonly default?: boolean
  readonly again?: boolean
  readonly dryRun: boolean
  readonly key?: string
  readonly passphraseFile?: string
  readonly out?: string
  readonly yes: boolean
}

export function addSeal(program: Command): void {
  withExample(
    withIndexOptions(program.command('seal')),
    'waxseal seal --dry-run',
    'waxseal seal --key /media/stick/targets.key.json',
    'waxseal seal billing invoices --out seal.json',
    'waxseal seal --upstream numpy',
  )
    .description(
      'move what was decided about names out of the reach of the server, by the key of a holder, or of several',
    )
    .argument('[name...]', 'these alone (default: everything that is pending)')
    .option('--upstream <names...>', 'that these names belong to their upstream, and what was approved of them')
    .option('--namespaces', 'the list of namespaces')
    .option('--default', 'the default for names that nobody claimed')
    .option('--open <names...>', 'take the seal of these names away')
    .option('--again', 'all that is sealed, also what has not changed: after a backup was restored')
    .option('--dry-run', 'say what would be sealed, and change nothing', false)
    .option(
      '--key <key>',
      'your key file, or an address as in docs/keys.md (default: where waxseal init put it, if it is still there)',
    )
    .option('--passphrase-file <file>', 'its passphrase is in this file; - reads standard input (default: it is asked)')
    .option('--out <file>', 'sign nothing here: put the request into this file, for holders to sign elsewhere')
    .option('--yes', 'do not ask', false)
    .action(seal)
}

async function seal(names: readonly string[], options: SealOptions): Promise<void> {
  if (options.out !== undefined) requireNewFile(options.out)
  await administer(options, async (index) => {
    const pending = await index.pendingSeals(selectionOf(names, options))
    const notes = notesOf(pending)
    const asked = new Set([...names, ...(options.upstream ?? []), ...(options.open ?? [])].map(normalizeProjectName))
    const refused = pending.refused.filter(({ subject }) => asked.has(subject))
    if (refused.length > 0) {
      const message = refused.map(({ subject, reason }) => `${subject} cannot be sealed: ${reason}.`).join(' ')
      throw new CommandError('not-allowed', `${message} Nothing was begun.`, EXIT_REFUSED)
    }
    if (pending.targets.length === 0) {
      return printResult(options, { pending: [], sealed: false }, ['Nothing is pending.', ...notes])
    }
    if (options.dryRun) {
      const words = wordsOf(pending)
      return printResult(
        options,
        { pending: pending.targets.map(({ path }) => path), words, left: pending.left, sealed: false },
        [...words, ...notes],
      )
    }
    const ceremonies = await index.ceremonies()
    const key = options.out === undefined ? await keyAtHand(options) : undefined
    const state = await ceremonies.begin({ targets: pending.targets })
    if (key === undefined) carry(state, notes, options)
    else await sealWith(key, index, ceremonies, state, notes, options)
  })
}

function selectionOf(names: readonly string[], options: SealOptions): SealSelection {
  const { upstream = [], open = [], namespaces = false, default: defaults = false, again = false } = options
  return {
    names: names.map(normalizeProjectName),
    upstream: upstream.map(normalizeProjectName),
    open: open.map(normalizeProjectName),
    namespaces,
    defaults,
    again,
  }
}

/** What is pending, in the words that the holders will be shown. */
function wordsOf({ targets }: PendingSeals): readonly string[] {
  return targets.flatMap(({ path, content, replaced }) => {
    const changed = { path, after: content, before: replaced, isNew: replaced === undefined }
    return describeNameTarget(changed) ?? []
  })
}

function notesOf({ left, refused }: PendingSeals): readonly string[] {
  return [
    ...refused.map(({ subject, reason }) => `NOT sealed: ${subject}: ${reason}.`),
    ...(left === 0
      ? []
      : [`${counted(left, 'document')} more are pending than one ceremony takes: say waxseal seal again after it.`]),
  ]
}

/** The key that was named; else the one that `waxseal init` made, where nobody has taken it away yet. */
async function keyAtHand(options: SealOptions): Promise<HolderKey | undefined> {
  if (options.key !== undefined) return await holderKey(options.key, options.passphraseFile)
  const { index } = await loadConfig(options, process.env)
  const folder = process.env['WAXSEAL_OFFLINE_KEYS'] ?? offlineFolderOf(index.dataDir)
  const file = join(folder, 'targets.key.json')
  return existsSync(file) ? await holderKey(file, options.passphraseFile) : undefined
}

function carry(state: CeremonyState, notes: readonly string[], options: SealOptions): void {
  if (options.out !== undefined) copyRequest(state, options.out)
  printResult(options, { ...documentOf(state), out: options.out ?? null, sealed: false }, [
    ...requestWords(state.request),
    '',
    ...notes,
    `Carry ${options.out ?? state.path} to those who hold the offline keys: waxseal sign FILE --key KEY --root ROOT`,
    'Bring back what they signed: waxseal ceremony import FILE, then waxseal ceremony publish',
  ])
}

/** Shows, asks and signs; publishes where that is enough. What nobody signed is given up again. */
async function sealWith(
  holder: HolderKey,
  index: Administration,
  ceremonies: Ceremonies,
  state: CeremonyState,
  notes: readonly string[],
  options: SealOptions,
): Promise<void> {
  const { request } = state
  const words = requestWords(request)
  const signed = await sign(holder, state, [...words, '', ...notes], options).catch(async (error: unknown) => {
    await ceremonies.abandon()
    throw error
  })
  const after = await ceremonies.add([{ name: `the signatures of ${holder.key.keyid}`, bytes: signed }])
  const complete = after.progress.every(({ signed: by, threshold, server }) => server || by.length >= threshold)
  if (!complete) {
    return printResult(options, { ...documentOf(after), sealed: false }, [
      ...progressLines(after),
      `Carry ${after.path} to the others: waxseal sign FILE --key KEY --root ROOT`,
    ])
  }
  const { document, lines } = await publishCeremony(index, ceremonies)
  printResult(options, { ...document, words, sealed: true }, lines)
}

async function sign(
  holder: HolderKey,
  { request }: CeremonyState,
  lines: readonly string[],
  options: SealOptions,
): Promise<Uint8Array> {
  const { keyid } = holder.key
  const mayAll = request.documents.every(({ groups }) => groups.some(({ trust }) => trust.keyids.includes(keyid)))
  if (!mayAll) {
    const message = `The key ${keyid} is none of those that sign this. Name another with --key, or carry the request to the holders: --out FILE.`
    throw new CommandError('ceremony-invalid', message, EXIT_REFUSED)
  }
  const stream = options.json ? process.stderr : process.stdout
  stream.write(terminalText(lines))
  if (!options.yes && !(await confirmed(`Seal this with the key ${keyid}?`))) {
    throw new CommandError('cancelled', 'Nothing was sealed.', EXIT_REFUSED)
  }
  return await signRequest(request, await holder.open())
}
