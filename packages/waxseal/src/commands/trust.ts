import { readFileSync, statSync } from 'node:fs'
import {
  addTrust,
  authorizationFor,
  exportTrust,
  fetchRoot,
  fingerprintOf,
  guardHome,
  indexUrl,
  listTrust,
  MAX_TRUST_FILE_BYTES,
  openGuard,
  Pins,
  readTrustFile,
  removeToken,
  removeTrust,
  storeToken,
  updateTrust,
  writeTrustFile,
} from '@waxseal/guard'
import type { CredentialPlace, Forgotten, StoredIndex } from '@waxseal/guard'
import { normalizeProjectName } from '@waxseal/packaging'
import type { Command } from 'commander'
import { join } from 'node:path'
import { confirmed } from '../ask-passphrase.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { isGuardError, trustedIndex } from '../guarding.ts'
import { withExample } from '../help.ts'
import { reasonOf, writeAsked } from '../new-file.ts'
import { positive } from '../option-number.ts'
import type { Output } from '../output.ts'
import { columns, counted, printResult, terminalText } from '../output.ts'
import { readSecretFile } from '../secret-file.ts'

interface AddOptions extends Output, TokenOptions {
  readonly root?: string
  readonly fingerprint?: string
  readonly yes: boolean
}

interface TokenOptions {
  readonly tokenFile?: string
  readonly keyring: boolean
}

export function addTrustCommands(program: Command): void {
  const trust = program.command('trust').description('the indexes whose signatures this machine goes by')
  withExample(trust.command('add'), 'waxseal trust add https://packages.example')
    .description('trust an index: its root is shown, looked at, and pinned')
    .argument('<url>', 'the index, with or without /simple/')
    .option(
      '--root <file>',
      'its first root, or what "waxseal trust export" wrote, which came by a way that you trust, instead of from the index itself',
    )
    .option('--fingerprint <sha256>', 'the sha256 that its first root must have')
    .option('--token-file <file>', 'its token for reading is in this file; - reads standard input')
    .option('--keyring', 'keep the token in the keyring instead of in a file that you alone can read', false)
    .option('--yes', 'do not ask whether the fingerprint is right', false)
    .option('--json', 'print one JSON document', false)
    .action(add)
  withExample(trust.command('export'), 'waxseal trust export --out packages.trust.json')
    .description('write what is trusted of an index now, for a machine that has seen nothing of it: trust add --root')
    .argument('[url]')
    .option('--out <file>', 'into this file, instead of to standard output')
    .option('--json', 'print one JSON document', false)
    .action(exportOne)
  withExample(trust.command('list'), 'waxseal trust list')
    .description('the indexes that are trusted')
    .option('--json', 'print one JSON document', false)
    .action(list)
  withExample(trust.command('show'), 'waxseal trust show')
    .description('what is trusted, seen and kept of an index')
    .argument('[url]')
    .option('--json', 'print one JSON document', false)
    .action(show)
  withExample(trust.command('login'), 'waxseal trust login --token-file -')
    .description('keep another token for an index')
    .argument('[url]')
    .requiredOption('--token-file <file>', 'it is in this file; - reads standard input')
    .option('--keyring', 'keep it in the keyring instead of in a file that you alone can read', false)
    .option('--json', 'print one JSON document', false)
    .action(login)
  withExample(trust.command('forget'), 'waxseal trust forget requests')
    .description('forget what was seen of a project: what its page and its record say next is pinned anew')
    .argument('<project>')
    .option(
      '--denial <number>',
      'forget this denial of it too, for good once the index does not list it; may be repeated',
      eachNumber,
      [],
    )
    .option('--trust <url>', 'the index, where several are trusted')
    .option('--json', 'print one JSON document', false)
    .action(forget)
  withExample(trust.command('remove'), 'waxseal trust remove https://packages.example')
    .description('stop trusting an index, and forget what was seen of it')
    .argument('<url>')
    .option('--json', 'print one JSON document', false)
    .action(remove)
}

async function add(text: string, options: AddOptions): Promise<void> {
  const url = indexUrl(text)
  const home = guardHome(process.env)
  const token = tokenIn(options)
  const authorization = token === undefined ? undefined : authorizationFor(url, token)
  const given = options.root === undefined ? undefined : fileAt(options.root)
  const file = given && readTrustFile(given)
  const root = file?.metadata.roots[0] ?? given ?? (await fetchRoot(url, process.env, authorization))
  const fingerprint = fingerprintOf(root)
  checkFingerprint(fingerprint, options.fingerprint)
  const isVouchedFor = options.root !== undefined || options.fingerprint !== undefined
  if (!isVouchedFor && !options.yes) await askAbout(url, fingerprint)
  const added = {
    url,
    addedAt: new Date().toISOString(),
    rootFrom: isVouchedFor ? ('elsewhere' as const) : ('index' as const),
  }
  let stored: StoredIndex
  try {
    stored = await addTrust(home, added, file ?? root, { authorization, env: process.env, now: Date.now })
  } catch (error) {
    // The same once more is what scripts do.
    if (!isGuardError(error, 'trust-exists')) throw error
    stored = (await trustedIndex(url)).trusted
  }
  if (token !== undefined) await keepToken(stored, token, options)
  const begins = file && { snapshot: file.snapshot, made: file.made }
  printResult(options, { url, root: fingerprint, ...begins }, [
    `${url} is trusted from now on; its root has the sha256`,
    `  ${fingerprint}`,
    ...(file === undefined ? [] : [`Nothing is taken that is older than snapshot ${file.snapshot}, of ${file.made}.`]),
    ...(isVouchedFor
      ? []
      : ['It came from the index itself: compare it with whoever runs it, who sees it where the index starts.']),
    'Install from it: waxseal run -- pip install NAME',
  ])
}

async function askAbout(url: string, fingerprint: string): Promise<void> {
  process.stderr.write(
    terminalText([
      `${url} shows a root with the sha256`,
      `  ${fingerprint}`,
      'Compare it with the one that whoever runs the index sees (it is printed when the index starts): by telephone, or by a',
      'page that others vouch for. From then on nobody can pretend to be this index.',
    ]),
  )
  if (await confirmed('Is it the right one?')) return
  throw new CommandError('cancelled', 'Nothing is trusted.', EXIT_REFUSED)
}

function checkFingerprint(fingerprint: string, wanted: string | undefined): void {
  if (wanted === undefined) return
  const plain = wanted
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(/[\s:]/g, '')
  if (!/^[0-9a-f]{64}$/.test(plain)) {
    throw new CommandError('wrong-use', '--fingerprint: a sha256 has 64 hexadecimal digits.', EXIT_USAGE)
  }
  if (plain === fingerprint) return
  throw new CommandError(
    'root-differs',
    `The root has the sha256 ${fingerprint}, not the one that was given: nothing is trusted. Another server answers, or the index began anew; ask whoever runs it.`,
    EXIT_REFUSED,
  )
}

function fileAt(path: string): Uint8Array {
  try {
    if (statSync(path).size <= MAX_TRUST_FILE_BYTES) return readFileSync(path)
  } catch (cause) {
    throw new CommandError('secret-unreadable', `--root: ${path} cannot be read: ${reasonOf(cause)}.`, EXIT_USAGE, {
      cause,
    })
  }
  throw new CommandError('secret-unreadable', `--root: ${path} is too large.`, EXIT_USAGE)
}

function tokenIn({ tokenFile }: Partial<TokenOptions>): string | undefined {
  return tokenFile === undefined ? undefined : readSecretFile(tokenFile, '--token-file').trim()
}

async function keepToken(index: StoredIndex, token: string, { keyring }: TokenOptions): Promise<void> {
  const place: CredentialPlace = keyring ? 'keyring' : 'file'
  await storeToken(index.folder, index.url, token, place)
  if (index.token !== undefined && index.token !== place) await removeToken(index.folder, index.url, index.token)
  await updateTrust(index, { token: place })
}

interface ExportOptions extends Output {
  readonly out?: string
}

async function exportOne(url: string | undefined, options: ExportOptions): Promise<void> {
  const { trusted } = await trustedIndex(url)
  const file = await exportTrust(trusted, { env: process.env, now: Date.now })
  const text = `${writeTrustFile(file)}\n`
  if (options.out === undefined) {
    process.stdout.write(text)
    return
  }
  writeAsked(options.out, text, 0o644)
  const { made, snapshot, seals } = file
  const sealed = seals.sealed.length
  printResult(options, { url: trusted.url, root: trusted.root, snapshot, made, sealed, out: options.out }, [
    `${options.out} has what is trusted of ${trusted.url}: snapshot ${snapshot}, of ${made}, and how far ${counted(sealed, 'name')} ${sealed === 1 ? 'was' : 'were'} sealed.`,
    `Its root has the sha256 ${trusted.root}. There is no token in it.`,
    `Another machine begins with it: waxseal trust add ${trusted.url} --root ${options.out}`,
  ])
}

async function list(options: Output): Promise<void> {
  const all = await listTrust(guardHome(process.env))
  const lines =
    all.length === 0
      ? ['No index is trusted on this machine yet: waxseal trust add URL']
      : columns(all.map(({ url, root, addedAt }) => [url, `sha256 ${root}`, `since ${addedAt.slice(0, 10)}`]))
  printResult(options, all, lines)
}

async function show(url: string | undefined, options: Output): Promise<void> {
  const { home, trusted } = await trustedIndex(url)
  await using guard = await openGuard({ home, trusted, env: process.env, now: Date.now, offline: true })
  const { snapshot, signedAt } = guard.document()
  const pinned = guard.pinned()
  const { folder, ...index } = trusted
  printResult(options, { ...index, folder, snapshot, signedAt, pinned }, [
    trusted.url,
    ...columns([
      ['root', `sha256 ${trusted.root}`],
      ['came', trusted.rootFrom === 'index' ? 'from the index itself, trusted on first use' : 'by another way'],
      ['trusted since', trusted.addedAt],
      ['snapshot', snapshot === null ? 'none seen yet' : `${snapshot}, signed ${signedAt}`],
      ['pinned', `${counted(pinned.files, 'file')} of ${counted(pinned.projects, 'project')}`],
      ['token', trusted.token === undefined ? 'none' : `in the ${trusted.token === 'file' ? 'file token' : 'keyring'}`],
      ['kept in', folder],
      ['files in', home.cache],
    ]),
  ])
}

async function login(url: string | undefined, options: Output & TokenOptions): Promise<void> {
  const { trusted } = await trustedIndex(url)
  await keepToken(trusted, tokenIn(options) ?? '', options)
  printResult(options, { url: trusted.url }, [`The token for ${trusted.url} is kept.`])
}

interface ForgetOptions extends Output {
  readonly denial: readonly number[]
  readonly trust?: string
}

async function forget(raw: string, options: ForgetOptions): Promise<void> {
  const project = normalizeProjectName(raw)
  const { trusted } = await trustedIndex(options.trust)
  using pins = new Pins(join(trusted.folder, 'pins.sqlite'))
  const forgotten = pins.forget(project, options.denial)
  printResult(options, { project, ...forgotten }, forgottenLines(project, forgotten))
}

function forgottenLines(project: string, { files, rev, wasSealed, denials, kept }: Forgotten): readonly string[] {
  const lines = [
    ...(files > 0 ? [`the sha256 of ${counted(files, 'file')}`] : []),
    ...(rev > 0 ? [`revision ${rev} of its record`] : []),
    ...(wasSealed ? ['that its holders had sealed it'] : []),
    ...denials.map((n) => `denial ${n}`),
  ]
  return [
    ...(lines.length === 0
      ? [`Nothing${kept.length === 0 ? '' : ' else'} was seen of ${project} yet.`]
      : [`Forgotten what was seen of ${project}:`, ...lines.map((line) => `  ${line}`)]),
    ...(kept.length === 0
      ? []
      : [
          `Kept is what was denied of it: ${kept.join(', ')}. One that the index says was not its own: --denial ${kept[0]}`,
        ]),
  ]
}

function eachNumber(text: string, before: readonly number[]): readonly number[] {
  return [...before, positive(text)]
}

async function remove(url: string, options: Output): Promise<void> {
  const { trusted } = await trustedIndex(url)
  await removeTrust(trusted)
  printResult(options, { url: trusted.url }, [`${trusted.url} is not trusted any more.`])
}
