import type { z } from 'zod'

/**
 * One sentence that names the first field of a management request that its schema refuses; `where` says what was
 * judged. Names of fields are repeated as they came: the answer is JSON, and its length is bounded (refuse.ts).
 */
export function badInput(error: z.ZodError, where: 'address' | 'body'): string {
  const [issue] = error.issues
  if (issue === undefined) return `The ${where} is not valid.`
  if (issue.code === 'unrecognized_keys') return `The ${where} has a field that is not known here: '${issue.keys[0]}'.`
  const field = issue.path.length === 0 ? `The ${where}` : `The field '${issue.path.join('.')}' of the ${where}`
  const message = issue.message.replace(/^Invalid \w+: /, '')
  return `${field} is not valid: ${message.slice(0, 1).toLowerCase()}${message.slice(1)}.`
}
