import type { Command } from 'commander'
import { Argument } from 'commander'
import { bashCompletion } from '../completion/bash.ts'
import { fishCompletion } from '../completion/fish.ts'
import type { CompletedCommand } from '../completion/tree.ts'
import { completionTree } from '../completion/tree.ts'
import { zshCompletion } from '../completion/zsh.ts'
import { withExample } from '../help.ts'

const SHELLS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} as const satisfies Record<string, (commands: readonly CompletedCommand[]) => string>

type Shell = keyof typeof SHELLS

export function addCompletion(program: Command): void {
  withExample(program.command('completion'), 'source <(waxseal completion bash)')
    .description('print the script that completes commands, options and their values in a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .action((shell: Shell) => {
      process.stdout.write(SHELLS[shell](completionTree(program)))
    })
}
