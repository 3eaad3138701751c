import type { CompletedCommand, Value } from './tree.ts'
import { quoted } from './tree.ts'

/** The script that completes the command in zsh: sourced after `compinit`, or a file `_waxseal` in its `fpath`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const valued = commands.flatMap(({ words, options }) =>
    options.flatMap(({ flag, value }) => (value === undefined ? [] : [[`${words} ${flag}`, value] as const])),
  )
  return `#compdef waxseal
# Completion of waxseal for zsh: source <(waxseal completion zsh)
_waxseal() {
  local at=waxseal word before i args=0
  local -a listed
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]} before=\${words[i-1]}
    case "$at $word" in
${commands
  .slice(1)
  .map(({ words }) => `      (${quoted(words)}) at="$at $word" args=0; continue ;;\n`)
  .join('')}    esac
    [[ $word == -* ]] && continue
    case "$at $before" in
      (${valued.map(([words]) => quoted(words)).join('|')}) ;;
      (*) args=$((args + 1)) ;;
    esac
  done
  local option=\${words[CURRENT-1]}
  if [[ \${words[CURRENT]} == --*=* ]]; then option=\${words[CURRENT]%%=*}; compset -P '*='; fi
  case "$at $option" in
${valued.map(([words, value]) => `    (${quoted(words)}) ${complete(value)}; return ;;\n`).join('')}  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$at" in
${commands.map(({ words, options }) => `      (${quoted(words)}) listed=(${options.map(({ flag, description }) => described(flag, description)).join(' ')}) ;;\n`).join('')}    esac
    _describe -o option listed
    return
  fi
  case "$at/$args" in
${commands.map(places).join('')}  esac
}
if [[ $funcstack[1] == _waxseal ]]; then _waxseal "$@"; else compdef _waxseal waxseal; fi
`
}

function places({ words, commands, args }: CompletedCommand): string {
  const count = Math.max(args.length, commands.length === 0 ? 0 : 1)
  return Array.from({ length: count }, (_, at) => {
    const names = commands.map(({ name, description }) => described(name, description)).join(' ')
    const steps = [
      ...(at === 0 && commands.length > 0 ? [`listed=(${names}); _describe command listed`] : []),
      ...(args[at] === undefined ? [] : [complete(args[at])]),
    ]
    return `    (${quoted(`${words}/${at}`)}) ${steps.join('; ')} ;;\n`
  }).join('')
}

function complete(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `compadd -- ${value.words.map(quoted).join(' ')}`
    case 'files':
      return '_files'
    case 'folders':
      return '_files -/'
    case 'unknown':
      return '_message value'
  }
}

/** `_describe` splits at the first colon. */
function described(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${description}`)
}
