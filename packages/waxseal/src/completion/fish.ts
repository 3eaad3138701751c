import type { CompletedCommand, Value } from './tree.ts'
import { quoted } from './tree.ts'

/** The script that completes the command in fish. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const valued = commands.flatMap(({ words, options }) =>
    options.flatMap(({ flag, value }) => (value === undefined ? [] : [`${words} ${flag}`])),
  )
  return `# Completion of waxseal for fish: waxseal completion fish | source
set -g __waxseal_commands ${commands.map(({ words }) => quoted(words)).join(' ')}
set -g __waxseal_valued ${valued.map(quoted).join(' ')}
# Whether the command line stands behind the command $argv[1], with $argv[2] arguments so far, if that is given.
function __waxseal_at
  set -l at waxseal
  set -l before ''
  set -l args 0
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" $__waxseal_commands
      set at "$at $word"
      set args 0
    else if not string match -q -- '-*' $word; and not contains -- "$at $before" $__waxseal_valued
      set args (math $args + 1)
    end
    set before $word
  end
  test "$at" = "$argv[1]"; and begin; test (count $argv) -lt 2; or test "$args" = "$argv[2]"; end
end
complete -c waxseal -f
${commands.map(lines).join('')}`
}

function lines({ words, commands, options, args }: CompletedCommand): string {
  const at = (place?: number): string =>
    `complete -c waxseal -n ${quoted(`__waxseal_at "${words}"${place === undefined ? '' : ` ${place}`}`)}`
  return [
    ...commands.map(({ name, description }) => `${at(0)} -a ${quoted(name)} -d ${quoted(description)}\n`),
    ...options.map(({ flag, description, value }) => {
      const wanted = value === undefined ? '' : ` ${complete(value)}`
      return `${at()} -l ${quoted(flag.slice(2))}${wanted} -d ${quoted(description)}\n`
    }),
    ...args.flatMap((value, place) =>
      value.kind === 'unknown' ? [] : [`${at(place)} ${complete(value).replace(/^-[xr] ?/, '')}\n`],
    ),
  ].join('')
}

function complete(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `-x -a ${quoted(value.words.join(' '))}`
    case 'files':
      return '-r -F'
    case 'folders':
      return "-x -a '(__fish_complete_directories)'"
    case 'unknown':
      return '-x'
  }
}
