import { authorizationFor, authorizationOf, indexUrl, sendRequest } from '@waxseal/guard'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { trustedIndex } from '../guarding.ts'
import { withExample } from '../help.ts'
import type { Output } from '../output.ts'
import { columns, counted, printResult } from '../output.ts'
import { readSecretFile } from '../secret-file.ts'
import { releaseArgument } from './release-argument.ts'

interface RequestOptions extends Output {
  readonly reason?: string
  readonly trust?: string
  readonly index?: string
  readonly tokenFile?: string
}

export function addRequest(program: Command): void {
  withExample(program.command('request'), 'waxseal request requests==2.32.0 --reason "the new build needs it"')
    .description('ask those who decide about an index for what it withholds, from the machine that was refused')
    .argument('<release>')
    .option('--reason <text>', 'why: those who decide are shown it')
    .option('--trust <url>', 'the index, where several are trusted')
    .option('--index <url>', 'an index that this machine does not trust')
    .option('--token-file <file>', 'with --index: a token for reading is in this file; - reads standard input')
    .option('--json', 'print one JSON document', false)
    .action(request)
}

async function request(release: string, options: RequestOptions): Promise<void> {
  const asking = { ...releaseArgument(release), reason: options.reason }
  const { url, authorization } = await indexOf(options)
  const answer = await sendRequest(url, asking, { authorization, env: process.env })
  if (answer.kind === 'refused') throw new CommandError(answer.code, answer.reason, EXIT_REFUSED)
  const { kind: _, ...asked } = answer
  const { id, files, isNew } = asked
  const of = files.length === 0 ? '' : ` (${counted(files.length, 'file')})`
  printResult(options, { index: url, ...asked }, [
    isNew ? `Asked ${url} for ${release}${of}: request ${id}.` : `You asked for ${release} already: request ${id}.`,
    ...columns(files.map(({ filename, sha256 }) => [`  ${sha256}`, filename])),
    `Those who decide see it (waxseal requests show ${id}); try again once they have answered.`,
  ])
}

interface Where {
  readonly url: string
  readonly authorization: string | undefined
}

/** Which index is asked, with the token that its guard keeps. */
async function indexOf({ trust, index, tokenFile }: RequestOptions): Promise<Where> {
  if (index !== undefined) {
    const url = indexUrl(index)
    const token = tokenFile === undefined ? undefined : readSecretFile(tokenFile, '--token-file').trim()
    return { url, authorization: token === undefined ? undefined : authorizationFor(url, token) }
  }
  const { trusted } = await trustedIndex(trust)
  return { url: trusted.url, authorization: await authorizationOf(trusted.folder, trusted.url, trusted.token) }
}
