import { DatabaseSync } from 'node:sqlite'
import { isTransient } from './errors.ts'

/**
 * Holds the file `path`, made where needed, for this process alone; undefined when another one holds it. The lock is the
 * system's (as SQLite takes it): it ends with the process, whatever ends that.
 */
export function holdFile(path: string): Disposable | undefined {
  const file = new DatabaseSync(path, { timeout: 0 })
  try {
    file.exec('begin exclusive')
  } catch (error) {
    file.close()
    if (isTransient(error)) return undefined
    throw error
  }
  return { [Symbol.dispose]: () => file.close() }
}
