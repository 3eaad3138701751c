import type { Command } from 'commander'

/** Gives the help of a command the example that every command has. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}\n`).join('')}`)
}

/** What `waxseal --help` ends with. */
export const PROGRAM_HELP = `
Exit codes:
  0  done
  1  refused, or not verified
  2  wrong use: unknown option, missing argument, invalid configuration
  3  the environment failed: network, disk, database

Example:
  waxseal init --data /var/lib/waxseal
  waxseal serve --data /var/lib/waxseal
  waxseal token create --user ci --scope upload --help
`
