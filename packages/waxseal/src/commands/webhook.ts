import { readFileSync } from 'node:fs'
import type { ListedWebhook } from '@waxseal/index'
import { isSignedMessage, readPublicText } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { withExample } from '../help.ts'
import { folded, printResult } from '../output.ts'
import type { Output } from '../output.ts'

interface VerifyOptions extends Output {
  readonly key: string
  readonly id: string
  readonly timestamp: string
  readonly signature: string
}

export function addWebhook(program: Command): void {
  const webhook = program.command('webhook').description('receivers of events: their keys, and whether they take them')
  withExample(withIndexOptions(webhook.command('list')), 'waxseal webhook list')
    .description('list the webhooks with the keys that their receivers verify with, and how far each has come')
    .action(list)
  withExample(withIndexOptions(webhook.command('test')), 'waxseal webhook test chat')
    .description('send a message of the type webhook-test, once; exit code 3 when it is not taken')
    .argument('<name>')
    .action(test)
  withExample(withIndexOptions(webhook.command('skip')), 'waxseal webhook skip chat')
    .description('give up what a webhook has not got yet; forget one that is configured no more')
    .argument('<name>')
    .action(skip)
  withExample(
    webhook.command('verify'),
    'waxseal webhook verify body.json --key whpk_… --id evt_7_… --timestamp 1764154000 --signature v1a,…',
  )
    .description('say whether a message that somebody received is signed; needs no index and no network')
    .argument('<file>', 'the body as it was received; - reads standard input')
    .requiredOption('--key <key>', 'the public key, as "waxseal webhook list" tells it')
    .requiredOption('--id <id>', 'its header webhook-id')
    .requiredOption('--timestamp <seconds>', 'its header webhook-timestamp')
    .requiredOption('--signature <signature>', 'its header webhook-signature')
    .option('--json', 'print one JSON document', false)
    .action(verify)
}

async function list(options: AdministerOptions): Promise<void> {
  await administer(options, async (index) => {
    const webhooks = await (await index.webhooks()).list()
    const lines = webhooks.length === 0 ? ['No webhook is configured.'] : webhooks.flatMap(webhookLines)
    printResult(options, { webhooks }, lines)
  })
}

function webhookLines({ name, url, events, publicKey, state }: ListedWebhook): readonly string[] {
  const sent = state === null ? 'no server has sent to it yet' : `${state.behind} events after the last one it got`
  return [
    `${name}: ${url}`,
    `  key     ${publicKey}`,
    ...folded(`  events  ${events === null ? 'all' : events.join(', ')}`, 10),
    ...folded(`  state   ${sent}${state?.deliveredAt ? `, at ${state.deliveredAt}` : ''}`, 10),
    ...(state === null || state.failingSince === null
      ? []
      : folded(`  ! fails since ${state.failingSince}: ${state.reason} Tried again at ${state.nextAt}.`, 4)),
  ]
}

async function test(name: string, options: AdministerOptions): Promise<void> {
  await administer(options, async (index) => {
    const delivery = await (await index.webhooks()).test(name)
    const isTaken = delivery.kind === 'delivered'
    printResult(options, { webhook: name, ...delivery }, [
      isTaken ? `${name} has taken a test message.` : `${name} has not taken it: ${delivery.reason}`,
    ])
    if (!isTaken) process.exitCode = EXIT_ENVIRONMENT
  })
}

async function skip(name: string, options: AdministerOptions): Promise<void> {
  await administer(options, async (index) => {
    await (await index.webhooks()).skip(name)
    printResult(options, { webhook: name }, [`${name} goes on with what follows. The events stay: "waxseal events".`])
  })
}

function verify(file: string, options: VerifyOptions): void {
  const { id, timestamp, signature } = options
  const key = readPublicText(options.key)
  if (key === undefined) {
    throw new CommandError(
      'key-invalid',
      '--key wants whpk_ and what follows, from "waxseal webhook list".',
      EXIT_USAGE,
    )
  }
  const body = bodyOf(file)
  const verified = isSignedMessage({ id, timestamp, signature, body }, key)
  const at = /^\d{1,11}$/.test(timestamp) ? new Date(Number(timestamp) * 1000).toISOString() : null
  printResult(options, { verified, signedAt: verified ? at : null }, [
    verified
      ? `Signed with this key at ${at}.`
      : 'Not signed with this key: body, id, timestamp or signature is another.',
  ])
  if (!verified) process.exitCode = EXIT_REFUSED
}

function bodyOf(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    const message = `${file} cannot be read.`
    throw new CommandError('file-unreadable', message, EXIT_ENVIRONMENT, { cause: error })
  }
}
