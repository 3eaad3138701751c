import { execFileSync } from 'node:child_process'

/** Prints the functions and classes of the standard library, one JSON string a line: each compiles wherever it stands. */
const COLLECT = `
import ast, json, pathlib, sysconfig
for path in sorted(pathlib.Path(sysconfig.get_path('stdlib')).rglob('*.py')):
    try:
        text = path.read_text('utf-8')
        body = ast.parse(text).body
    except (OSError, SyntaxError, UnicodeError):
        continue
    lines = text.splitlines(True)
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            print(json.dumps(''.join(lines[first - 1:node.end_lineno]) + '\\n\\n'))
`

/**
 * Real Python in any amount: pieces of the standard library of this interpreter, one after another and then from the start again,
 * so that compiling and deflating it costs what it costs anywhere.
 */
export class PythonText {
  readonly #pieces: readonly Buffer[]
  #at = 0

  constructor(python: string) {
    const lines = execFileSync(python, ['-W', 'ignore', '-c', COLLECT], { encoding: 'utf8', maxBuffer: 1024 ** 3 })
    this.#pieces = lines
      .trim()
      .split('\n')
      .map((line) => Buffer.from(JSON.parse(line) as string))
  }

  /** The text of a module of about so many bytes. */
  module(bytes: number): Buffer {
    const pieces: Buffer[] = []
    let length = 0
    while (length < bytes) {
      const piece = this.#pieces[this.#at % this.#pieces.length] ?? Buffer.alloc(0)
      // Too much of a large one: it is left for the next module, unless there would be nothing here.
      if (length > 0 && length + piece.length - bytes > bytes - length) break
      pieces.push(piece)
      this.#at += 1
      length += piece.length
    }
    return Buffer.concat(pieces)
  }
}
