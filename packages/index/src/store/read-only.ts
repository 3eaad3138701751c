import { IndexError } from '../error.ts'

/** What every transaction of a read-only server ends in. */
export function readOnlyError(): IndexError {
  return new IndexError('read-only', 'This index is in read-only mode: nothing can be changed at present.')
}
