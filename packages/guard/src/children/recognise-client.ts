import { basename } from 'node:path'

export type ClientName = 'pip' | 'uv' | 'pdm' | 'pipenv' | 'poetry' | 'build' | 'twine' | 'other'

export interface RecognisedClient {
  readonly client: ClientName
  /** The words that start the client: `python3 -m pip`. */
  readonly head: readonly string[]
  /** What the client itself reads. */
  readonly args: readonly string[]
}

const PYTHON = /^(?:python|pypy)[\d.]*w?$|^pyw?$/
const CLIENTS: readonly (readonly [RegExp, ClientName])[] = [
  [/^pip[\d.]*$/, 'pip'],
  [/^uvx?$/, 'uv'],
  [/^pdm$/, 'pdm'],
  [/^pipenv$/, 'pipenv'],
  [/^poetry$/, 'poetry'],
  [/^(?:pyproject-build|build)$/, 'build'],
  [/^twine$/, 'twine'],
]
/** Options of Python that take a value. */
const PYTHON_VALUES = 'WX'

/** Which client a command starts: by the program's name, or by the module or script that a Python is given. */
export function recogniseClient(command: readonly string[]): RecognisedClient {
  const program = plainName(command[0] ?? '')
  const start = PYTHON.test(program) ? pythonProgram(command) : { name: program, length: 1 }
  // `build` alone is anybody's program; as a module it is PyPA's.
  const client = program === 'build' ? undefined : CLIENTS.find(([name]) => name.test(start.name))?.[1]
  return { client: client ?? 'other', head: command.slice(0, start.length), args: command.slice(start.length) }
}

function plainName(path: string): string {
  return basename(path)
    .toLowerCase()
    .replace(/\.(?:exe|pyz?)$/, '')
}

/** The module or script that a Python command runs, and how many words that takes. */
function pythonProgram(command: readonly string[]): { readonly name: string; readonly length: number } {
  let at = 1
  for (; at < command.length; at++) {
    const word = command[at] ?? ''
    if (!word.startsWith('-') || word === '-') return { name: plainName(word), length: at + 1 }
    if (word.startsWith('--')) continue
    for (let letter = 1; letter < word.length; letter++) {
      const rest = word.slice(letter + 1)
      if (word.charAt(letter) === 'm') {
        const module = rest === '' ? (command[at + 1] ?? '') : rest
        return { name: module.split('.')[0] ?? '', length: rest === '' ? at + 2 : at + 1 }
      }
      if (word.charAt(letter) === 'c') return { name: '', length: 1 }
      if (PYTHON_VALUES.includes(word.charAt(letter))) {
        if (rest === '') at++
        break
      }
    }
  }
  return { name: '', length: 1 }
}
