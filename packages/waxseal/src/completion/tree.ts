import type { Argument, Command, Option } from 'commander'

/** What may stand as the value of an option or argument. */
export type Value =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  /** Something that no shell can know. */
  | { readonly kind: 'unknown' }

export interface CompletedOption {
  /** `--scope` */
  readonly flag: string
  readonly description: string
  /** Absent: it takes none. */
  readonly value?: Value
}

/** One command with what may follow it. */
export interface CompletedCommand {
  /** `waxseal token create` */
  readonly words: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CompletedOption[]
  readonly args: readonly Value[]
}

const FOLDER = /^(?:dir|folder)$/
const FILE = /^(?:file|path|source|dest|destination|archive)$/

/** Every command below `program`, itself first. A command that its parent does by default lends it options and arguments. */
export function completionTree(program: Command, above = ''): readonly CompletedCommand[] {
  const words = `${above}${program.name()}`
  const help = program.createHelp()
  const commands = help.visibleCommands(program)
  const byDefault: unknown = Reflect.get(program, '_defaultCommandName')
  const own = [program, ...program.commands.filter((command) => command.name() === byDefault)]
  const options = own.flatMap((command) => help.visibleOptions(command))
  const flags = new Map(
    options.flatMap((option) => (option.long === undefined || option.long === null ? [] : [[option.long, option]])),
  )
  return [
    {
      words,
      commands: commands.map((command) => ({ name: command.name(), description: firstClause(command.description()) })),
      options: [...flags].map(([flag, option]) => {
        const value = option.required || option.optional ? { value: optionValue(option) } : {}
        return { flag, description: firstClause(option.description), ...value }
      }),
      args: own.flatMap((command) => command.registeredArguments.map(argumentValue)),
    },
    ...program.commands.flatMap((command) => completionTree(command, `${words} `)),
  ]
}

function optionValue({ flags, argChoices }: Option): Value {
  return valueOf(/[<[]([\w-]+)/.exec(flags)?.[1] ?? '', argChoices)
}

function argumentValue(argument: Argument): Value {
  return valueOf(argument.name(), argument.argChoices)
}

function valueOf(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'words', words: choices }
  if (FOLDER.test(name)) return { kind: 'folders' }
  return { kind: FILE.test(name) ? 'files' : 'unknown' }
}

/** Lists of completions have room for a few words. */
function firstClause(text: string): string {
  return text.split(/[;:(.]\s|\s\(/)[0] ?? ''
}

/** As bash, zsh and fish take it for one word; the text has no line breaks. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
