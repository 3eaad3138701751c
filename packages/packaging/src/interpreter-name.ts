const INTERPRETER = /^(?:python|pythonw|pypy|py|pyw)[0-9.]*t?(?:-config)?(?:\.(?:exe|com|bat|cmd|ps1|py|pyw))?$/i

/**
 * Whether a file of this name in the folder for scripts would stand in for the interpreter, its configuration or the launcher, on
 * Windows or elsewhere (attacks.md WHL-SCRIPT).
 */
export function isInterpreterName(name: string): boolean {
  return INTERPRETER.test(name)
}
