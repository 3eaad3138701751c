import { changePassphrase, createKeyFile, generatePrivateKey, keySigner, writePublicKey } from '@waxseal/trust'
import type { KeyScheme, PublicKey } from '@waxseal/trust'
import type { Command } from 'commander'
import { Option } from 'commander'
import { askNewPassphrase, askPassphrase } from '../ask-passphrase.ts'
import { withExample } from '../help.ts'
import { publicHalf } from '../holder-key.ts'
import { requireNewFile } from '../new-file.ts'
import type { Output } from '../output.ts'
import { printResult } from '../output.ts'
import { writeWhole } from '../write-file.ts'

/** What people call the kinds of keys, and what metadata does. */
const TYPES = { ed25519: 'ed25519', p256: 'ecdsa-sha2-nistp256', rsa: 'rsassa-pss-sha256' } as const satisfies {
  readonly [name: string]: KeyScheme
}

interface NewOptions extends Output {
  readonly type: keyof typeof TYPES
  readonly passphraseFile?: string
}

interface PassphraseOptions extends Output {
  readonly passphraseFile?: string
  readonly newPassphraseFile?: string
}

export function addKey(program: Command): void {
  const key = program.command('key').description('make and look at keys of people; needs no index and no network')
  withExample(key.command('new'), 'waxseal key new anna.key.json')
    .description('make a key in a new encrypted file, and its public half in a file beside it')
    .argument('<file>', 'where; the public half is put into FILE.pub')
    .addOption(new Option('--type <type>', 'of which kind').choices(Object.keys(TYPES)).default('ed25519'))
    .option('--passphrase-file <file>', 'its passphrase is in this file; - reads standard input (default: it is asked)')
    .option('--json', 'print one JSON document', false)
    .action(makeKey)
  withExample(key.command('show'), 'waxseal key show anna.key.json.pub')
    .description('tell the id and the kind of a key; never its private half')
    .argument('<key>', 'a key file, a file of a public key, or an address as in docs/keys.md')
    .option('--pub <file>', 'write its public half to this new file')
    .option('--json', 'print one JSON document', false)
    .action(show)
  withExample(key.command('passphrase'), 'waxseal key passphrase anna.key.json')
    .description('put a key file under another passphrase; copies of it keep the old one')
    .argument('<file>', 'the key file')
    .option('--passphrase-file <file>', 'the passphrase that it has is in this file (default: it is asked)')
    .option('--new-passphrase-file <file>', 'the passphrase that it gets is in this file (default: it is asked)')
    .option('--json', 'print one JSON document', false)
    .action(passphrase)
}

async function makeKey(file: string, options: NewOptions): Promise<void> {
  const pub = `${file}.pub`
  requireNewFile(file)
  requireNewFile(pub)
  const secret = await askNewPassphrase(`A passphrase for ${file}`, options.passphraseFile, '--passphrase-file')
  const privateKey = generatePrivateKey(TYPES[options.type])
  const { key } = keySigner(privateKey)
  await createKeyFile(file, privateKey, secret)
  writePublic(pub, key)
  printResult(options, { file, pub, ...documentOf(key) }, [
    `Made the key ${key.keyid} (${typeOf(key)})`,
    `  private half  ${file}, encrypted: keep it, and a copy in another place`,
    `  public half   ${pub}: for who begins a ceremony`,
  ])
}

async function show(place: string, options: Output & { readonly pub?: string }): Promise<void> {
  if (options.pub !== undefined) requireNewFile(options.pub)
  const key = await publicHalf(place)
  if (options.pub !== undefined) writePublic(options.pub, key)
  printResult(options, documentOf(key), [`${key.keyid} (${typeOf(key)})`])
}

async function passphrase(file: string, options: PassphraseOptions): Promise<void> {
  const before = await askPassphrase(`The passphrase of ${file}`, options.passphraseFile)
  const after = await askNewPassphrase('The new one', options.newPassphraseFile, '--new-passphrase-file')
  await changePassphrase(file, before, after)
  printResult(options, { file }, [`${file} has the new passphrase. Copies of it have the old one: replace them.`])
}

function writePublic(path: string, key: PublicKey): void {
  writeWhole(path, Buffer.from(writePublicKey(key)).toString(), { mode: 0o644 })
}

function documentOf(key: PublicKey): { readonly keyid: string; readonly type: string; readonly scheme: string } {
  return { keyid: key.keyid, type: typeOf(key), scheme: key.scheme }
}

function typeOf({ scheme }: PublicKey): string {
  return Object.entries(TYPES).find(([, one]) => one === scheme)?.[0] ?? scheme
}
