import { ONLINE_KEYS, openAdministration, REPOSITORY_SIZES } from '@waxseal/index'
import type { Administration, Ceremonies, CeremonyState, KeysInUse, RepositorySize } from '@waxseal/index'
import { keyWords, readRequest } from '@waxseal/trust'
import type { PublicKey } from '@waxseal/trust'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { holderWish, idOf, keySetOf, onlineWishes, pair, publicKey } from '../ceremony/given-keys.ts'
import { copyRequest, documentOf, progressLines } from '../ceremony/ceremony-state.ts'
import { publishCeremony } from '../ceremony/publish-ceremony.ts'
import { readCeremonyFile } from '../ceremony/read-file.ts'
import { requestWords } from '../ceremony/request-words.ts'
import { stayingHolders, stayWords } from '../ceremony/staying-holders.ts'
import { CommandError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { requireNewFile } from '../new-file.ts'
import { optionFlag } from '../option-flag.ts'
import { positive } from '../option-number.ts'
import { columns, printResult } from '../output.ts'
import { collect } from '../repeated.ts'
import { VERSION } from '../version.ts'

interface BeginOptions extends AdministerOptions {
  readonly first?: boolean
  readonly size?: RepositorySize
  readonly rootKey?: readonly string[]
  readonly rootThreshold?: number
  readonly targetsKey?: readonly string[]
  readonly targetsThreshold?: number
  readonly replace?: readonly string[]
  readonly revoke?: readonly string[]
  readonly online?: readonly string[]
  readonly allOnline?: 'new'
  readonly renew?: true | readonly string[]
  readonly versionsAbove?: number
  readonly request?: string
  readonly out?: string
}

const DEFAULT_SIZE: RepositorySize = 'normal'

export function addCeremony(program: Command): void {
  const ceremony = program
    .command('ceremony')
    .description('let those who hold the offline keys say together who signs, and sign anew')
  withExample(
    withIndexOptions(ceremony.command('begin')),
    'waxseal ceremony begin --root-key anna.pub --root-key ben.pub --root-threshold 2 --targets-key anna.pub --targets-key ben.pub --targets-threshold 2',
    'waxseal ceremony begin --replace cleo.pub=dora.pub',
    'waxseal ceremony begin --all-online new',
    'waxseal ceremony begin --renew',
  )
    .description('write the request that they sign')
    .option('--first', 'of an index that nobody signs yet; makes its folder where there is none')
    .addOption(
      new Option(
        '--size <size>',
        `with --first: how many bins the pages are spread over (default: ${DEFAULT_SIZE})`,
      ).choices(Object.keys(REPOSITORY_SIZES)),
    )
    .option('--root-key <file>', 'a public key that shall sign root; repeated: all of them', collect)
    .option('--root-threshold <n>', 'how many of them have to', positive)
    .option('--targets-key <file>', 'the same of targets and all that is below it', collect)
    .option('--targets-threshold <n>', 'how many of them have to', positive)
    .option(
      '--replace <key=file>',
      'a key, by its public half or the beginning of its id, and what takes its place',
      collect,
    )
    .option('--revoke <key>', 'a key, named in the same way, that nothing takes the place of', collect)
    .option('--online <name=file>', `a key of the server: ${ONLINE_KEYS.join(', ')}; NAME=new makes one`, collect)
    .addOption(new Option('--all-online <new>', 'all keys of the server, after it was stolen').choices(['new']))
    .option(
      '--renew [roles...]',
      'sign anew: root, targets, sealed, bins, all (default: what is past half of its life)',
    )
    .option('--versions-above <n>', 'with versions above this one: after a backup was restored', positive)
    .option('--request <file>', 'take up this request again: after a backup was restored that does not know it')
    .option('--out <file>', 'put a copy of the request here, to be carried')
    .action(begin)
  withExample(withIndexOptions(ceremony.command('show')), 'waxseal ceremony show')
    .description('tell what the ceremony changes and who has signed; without one, who signs now')
    .action((options: AdministerOptions) => withCeremonies(options, (ceremonies) => show(ceremonies, options)))
  withExample(withIndexOptions(ceremony.command('import')), 'waxseal ceremony import request.1f3a77c0.sig.json')
    .description('take in what holders signed')
    .argument('<signature...>', 'the files that `waxseal sign` made')
    .action((files: readonly string[], options: AdministerOptions) =>
      withCeremonies(options, async (ceremonies) => {
        const { known, ...state } = await ceremonies.add(
          files.map((file) => readCeremonyFile(file, 'signatures of a ceremony', (bytes) => ({ name: file, bytes }))),
        )
        printResult(options, { ...documentOf(state), known }, [
          ...known.map((file) => `${file} was in already`),
          ...progressLines(state),
        ])
      }),
    )
  withExample(withIndexOptions(ceremony.command('publish')), 'waxseal ceremony publish')
    .description('publish it, once enough have signed')
    .action((options: AdministerOptions) => administer(options, (index) => publish(index, options)))
  withExample(withIndexOptions(ceremony.command('abandon')), 'waxseal ceremony abandon')
    .description('give it up: request, signatures and new keys of the server are removed')
    .action((options: AdministerOptions) =>
      withCeremonies(options, async (ceremonies) => {
        await ceremonies.abandon()
        printResult(options, { abandoned: true }, ['The ceremony is given up; nothing has changed.'])
      }),
    )
}

function withCeremonies(options: AdministerOptions, work: (ceremonies: Ceremonies) => Promise<void>): Promise<void> {
  return administer(options, async (index) => work(await index.ceremonies()))
}

async function begin(options: BeginOptions): Promise<void> {
  if (options.out !== undefined) requireNewFile(options.out)
  if (options.first === true) {
    refuseOthers('--first', options, ['first', 'size', 'rootKey', 'rootThreshold', 'targetsKey', 'targetsThreshold'])
    return await beginFirst(options)
  }
  const { request, size } = options
  if (size !== undefined) throw new CommandError('wrong-use', '--size is for --first alone.', EXIT_USAGE)
  if (request !== undefined) refuseOthers('--request', options, ['request'])
  await withCeremonies(options, async (ceremonies) => {
    if (request !== undefined)
      return tellBegun(
        await ceremonies.takeUp(readCeremonyFile(request, 'the request of a ceremony', readRequest)),
        options,
      )
    const root = holderWish('root', options.rootKey, options.rootThreshold)
    const targets = holderWish('targets', options.targetsKey, options.targetsThreshold)
    const replace = new Map<string, PublicKey | undefined>()
    for (const text of options.replace ?? []) {
      const [old, file] = pair(text, '--replace', 'KEY=FILE')
      replace.set(idOf(old), publicKey(file))
    }
    for (const old of options.revoke ?? []) replace.set(idOf(old), undefined)
    const { renew, versionsAbove } = options
    const state = await ceremonies.begin({
      holders: { ...(root && { root }), ...(targets && { targets }) },
      replace,
      online: onlineWishes(options),
      ...(renew === undefined ? {} : { renew: renew === true ? [] : renew }),
      ...(versionsAbove === undefined ? {} : { versionsAbove }),
    })
    tellBegun(state, options)
  })
}

async function beginFirst(options: BeginOptions): Promise<void> {
  const { rootKey = [], targetsKey = rootKey, rootThreshold, targetsThreshold } = options
  if (rootKey.length === 0) throw new CommandError('wrong-use', '--first needs --root-key.', EXIT_USAGE)
  const root = keySetOf('root', rootKey, rootThreshold)
  // Whoever holds root holds targets, too, unless it is said otherwise.
  const given = targetsThreshold ?? (targetsKey === rootKey ? rootThreshold : undefined)
  const targets = keySetOf('targets', targetsKey, given)
  const { index: config } = await loadConfig(options, process.env)
  // It may be the very first thing that is done with an index.
  await using index = await openAdministration({ ...config, version: VERSION })
  tellBegun(await (await index.ceremonies()).beginFirst({ size: options.size ?? DEFAULT_SIZE, root, targets }), options)
}

/** What is said beside an option that leaves no room for it would be passed over in silence. */
function refuseOthers(option: string, options: BeginOptions, allowed: readonly (keyof BeginOptions)[]): void {
  const names = new Set<string>([...allowed, 'data', 'config', 'json', 'out'])
  const others = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || names.has(name) ? [] : [name],
  )
  if (others.length === 0) return
  const message = `Nothing was begun. With ${option} nothing else can be changed: leave out ${others.map(optionFlag).join(', ')}.`
  throw new CommandError('wrong-use', message, EXIT_USAGE)
}

function tellBegun(state: CeremonyState, options: BeginOptions): void {
  if (options.out !== undefined) copyRequest(state, options.out)
  const carried = options.out ?? state.path
  const { root } = state.request
  const stays = stayingHolders(state, options)
  const known =
    root === undefined
      ? []
      : [
          `ROOT is the copy of ${root.signed.version}.root.json that each of them has: nothing that starts from another is signed.`,
        ]
  printResult(options, { ...documentOf(state), out: options.out ?? null, stays: stays ?? null }, [
    ...requestWords(state.request),
    '',
    ...(stays === undefined ? [] : [stayWords(stays), '']),
    `Carry ${carried} to those who sign: waxseal sign FILE --key KEY${root === undefined ? '' : ' --root ROOT'}`,
    ...known,
    'Bring back what they signed: waxseal ceremony import FILE',
  ])
}

async function show(ceremonies: Ceremonies, options: AdministerOptions): Promise<void> {
  const state = await ceremonies.read()
  if (state !== undefined) {
    return printResult(options, documentOf(state), [...requestWords(state.request), '', ...progressLines(state)])
  }
  const keys = await ceremonies.keysInUse()
  printResult(options, { ceremony: null, keys: keys.map(keysDocument) }, [
    'No ceremony has begun. Who signs now:',
    ...columns([['NAME', 'NEEDS', 'ENDS', 'KEYS'], ...keys.flatMap(keysRows)]),
  ])
}

async function publish(index: Administration, options: AdministerOptions): Promise<void> {
  const { document, lines } = await publishCeremony(index, await index.ceremonies())
  printResult(options, document, lines)
}

function keysDocument({ name, threshold, keys, expires }: KeysInUse): object {
  return { name, threshold, keys: keys.map(({ keyid }) => keyid), expires: new Date(expires).toISOString() }
}

function keysRows({ name, threshold, keys, expires }: KeysInUse): readonly (readonly string[])[] {
  return keys.map((key, at) =>
    at === 0
      ? [name, `${threshold} of ${keys.length}`, new Date(expires).toISOString(), keyWords(key)]
      : ['', '', '', keyWords(key)],
  )
}
