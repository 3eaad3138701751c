import { hash } from 'node:crypto'
import { readMetadata, readRequest, signRequest } from '@waxseal/trust'
import type { CeremonyRequest } from '@waxseal/trust'
import type { Command } from 'commander'
import { confirmed } from '../ask-passphrase.ts'
import { readCeremonyFile } from '../ceremony/read-file.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { holderKey } from '../holder-key.ts'
import { requireNewFile } from '../new-file.ts'
import type { Output } from '../output.ts'
import { printResult, terminalText } from '../output.ts'
import { requestWords } from '../ceremony/request-words.ts'
import { writeWhole } from '../write-file.ts'

interface SignOptions extends Output {
  readonly key: string
  readonly passphraseFile?: string
  readonly out?: string
  readonly root?: string
  readonly yes: boolean
}

export function addSign(program: Command): void {
  withExample(program.command('sign'), 'waxseal sign request.json --key anna.key.json --root 1.root.json')
    .description('sign the request of a ceremony, after it was said what it changes; needs no index and no network')
    .argument('<request>', 'the file that was brought from the index')
    .requiredOption('--key <key>', 'your key file, or an address as in docs/keys.md')
    .option('--passphrase-file <file>', 'its passphrase is in this file; - reads standard input (default: it is asked)')
    .option('--root <file>', 'the root that you know: the request has to start from it')
    .option('--out <file>', 'where the signature is put (default: beside the request, with the key in its name)')
    .option('--yes', 'do not ask', false)
    .option('--json', 'print one JSON document', false)
    .action(sign)
}

async function sign(file: string, options: SignOptions): Promise<void> {
  if (options.out !== undefined) requireNewFile(options.out)
  const request = readCeremonyFile(file, 'the request of a ceremony', readRequest)
  if (options.root !== undefined) compareRoot(request, options.root)
  const holder = await holderKey(options.key, options.passphraseFile)
  const { keyid } = holder.key
  const roles = request.documents.flatMap(({ role, groups }) =>
    groups.some(({ trust }) => trust.keyids.includes(keyid)) ? [role] : [],
  )
  if (roles.length === 0) {
    const wanted = request.documents.flatMap(({ groups }) => groups.flatMap(({ trust }) => trust.keyids))
    const names = [...new Set(wanted)].map((one) => one.slice(0, 8)).join(', ')
    const message = `The key ${keyid} may sign nothing in this request. It needs keys whose ids begin with: ${names}.`
    throw new CommandError('ceremony-invalid', message, EXIT_REFUSED)
  }
  const out = options.out ?? `${file.replace(/\.json$/, '')}.${keyid.slice(0, 8)}.sig.json`
  requireNewFile(out)
  const words = wordsOf(request, options.root)
  const stream = options.json ? process.stderr : process.stdout
  stream.write(terminalText([...words, '']))
  if (!options.yes && !(await confirmed(`Sign this with the key ${keyid}?`))) {
    throw new CommandError('cancelled', 'Nothing was signed.', EXIT_REFUSED)
  }
  const signatures = await signRequest(request, await holder.open())
  writeWhole(out, Buffer.from(signatures).toString(), { mode: 0o644 })
  printResult(options, { out, keyid, request: request.sha256, roles, words }, [
    `Signed with the key ${keyid}: carry ${out} back.`,
  ])
}

/** Whoever signs knows the index by its root: what starts from another one is of somebody else. */
function compareRoot({ root }: CeremonyRequest, path: string): void {
  const known = readCeremonyFile(path, 'a root', (bytes) => readMetadata('root', bytes))
  if (root === undefined) {
    const message = `The request begins a new repository, and you have a root already (${path}): do not sign it, ask who made it.`
    throw new CommandError('ceremony-invalid', message, EXIT_REFUSED)
  }
  if (Buffer.compare(root.signedBytes, known.signedBytes) === 0) return
  throw new CommandError(
    'ceremony-invalid',
    `The request starts from root version ${root.signed.version}, which is not the one in ${path} (version ${known.signed.version}). Get the newest root by a way that you trust, and ask who made the request.`,
    EXIT_REFUSED,
  )
}

function wordsOf(request: CeremonyRequest, compared: string | undefined): readonly string[] {
  const [start = '', ...changes] = requestWords(request)
  const { root } = request
  if (compared === undefined || root === undefined) return [start, ...changes]
  return [
    `It starts from root version ${root.signed.version}, the one in ${compared} (sha256 ${hash('sha256', root.bytes)}).`,
    ...changes,
  ]
}
