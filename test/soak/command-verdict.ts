import type { Run } from '../support/command.ts'

/** What `waxseal status` may ask attention for in a soak: backups are rare there, and the upstream fails on purpose. */
const EXPECTED = [
  /^There is no backup of the uploaded files\.$/,
  /^The upstream sim fails and is left alone for a while\.$/,
]

interface Answer {
  readonly attention?: readonly string[]
  readonly error?: { readonly code: string }
}

/** What is wrong with how `waxseal …` with `--json` ended, in a sentence; undefined: nothing. */
export function verdictOn(words: readonly string[], run: Run): string | undefined {
  const said = `waxseal ${words.join(' ')} exited with ${run.code}:\n${run.stderr}${run.stdout}`
  // Documented (docs/commands.md): 1 where something needs attention, and where a server collects just then.
  if (words[0] === 'status' && (run.code === 0 || run.code === 1)) return attentionProblem(run, said)
  if (words[0] === 'gc' && run.code === 1 && documentIn(run)?.error?.code === 'conflict') return undefined
  return run.code === 0 ? undefined : said
}

function attentionProblem(run: Run, said: string): string | undefined {
  const attention = documentIn(run)?.attention
  if (attention === undefined) return `no document with what needs attention: ${said}`
  if (attention.length > 0 !== (run.code === 1)) return said
  const unexpected = attention.filter((line) => !EXPECTED.some((expected) => expected.test(line)))
  return unexpected.length === 0 ? undefined : `waxseal status: ${unexpected.join(' ')}`
}

function documentIn({ stdout }: Run): Answer | undefined {
  try {
    return JSON.parse(stdout) as Answer
  } catch {
    return undefined
  }
}
