import type { CompletedCommand, Value } from './tree.ts'
import { quoted } from './tree.ts'

/** The script that completes the command in bash, from 3.2 on. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const valued = commands.flatMap(({ words, options }) =>
    options.flatMap(({ flag, value }) => (value === undefined ? [] : [[`${words} ${flag}`, value] as const])),
  )
  return `# Completion of waxseal for bash: source <(waxseal completion bash)
_waxseal() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at=waxseal args=0 i word before words=
  local IFS=$'\\n'
  # bash takes the = of --option=value for a word of its own.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  [[ \${COMP_WORDS[COMP_CWORD]} == = ]] && prev=\${COMP_WORDS[COMP_CWORD-1]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]} before=\${COMP_WORDS[i-1]}
    case "$at $word" in
${commands
  .slice(1)
  .map(({ words }) => `      ${quoted(words)}) at="$at $word" args=0; continue ;;\n`)
  .join('')}    esac
    [[ $word == -* || $word == = || $before == = ]] && continue
    case "$at $before" in
      ${valued.map(([words]) => quoted(words)).join(' | ')}) ;;
      *) args=$((args + 1)) ;;
    esac
  done
  case "$at $prev" in
${valued.map(([words, value]) => `    ${quoted(words)}) ${complete(value)}; return ;;\n`).join('')}  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${commands.map(({ words, options }) => `      ${quoted(words)}) words=${list(options.map(({ flag }) => flag))} ;;\n`).join('')}    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  case "$at/$args" in
${commands.map(places).join('')}  esac
}
complete -F _waxseal waxseal
`
}

/** What may stand at each place behind a command: its subcommands only at the first. */
function places({ words, commands, args }: CompletedCommand): string {
  const names = commands.map(({ name }) => name)
  const count = Math.max(args.length, names.length === 0 ? 0 : 1)
  return Array.from({ length: count }, (_, at) => {
    const steps = [
      ...(at === 0 && names.length > 0 ? [complete({ kind: 'words', words: names })] : []),
      ...(args[at] === undefined ? [] : [complete(args[at])]),
    ]
    return `    ${quoted(`${words}/${at}`)}) ${steps.join('; ')} ;;\n`
  }).join('')
}

function complete(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY+=($(compgen -W ${list(value.words)} -- "$cur"))`
    case 'files':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$cur"))'
    case 'folders':
      return 'compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- "$cur"))'
    case 'unknown':
      return ':'
  }
}

/** Words as `compgen -W` splits them: by line, as IFS has it. */
function list(words: readonly string[]): string {
  return `$'${words.join('\\n')}'`
}
