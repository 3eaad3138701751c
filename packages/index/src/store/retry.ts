import { setTimeout as delay } from 'node:timers/promises'
import { IndexError } from '../error.ts'
import { TRANSACTION_DEADLINE, TRANSACTION_RETRY_DELAY } from '../limits.ts'
import { isTransient } from './errors.ts'

/**
 * Runs `attempt` again, after a random and growing wait, as long as it only lost against others; it is told how often it has.
 *
 * @throws IndexError `database-busy` after `TRANSACTION_DEADLINE`
 */
export async function retryTransient<T>(attempt: (lost: number) => Promise<T>): Promise<T> {
  const start = performance.now()
  for (let lost = 0; ; lost += 1) {
    try {
      return await attempt(lost)
    } catch (error) {
      if (!isTransient(error)) throw error
      if (performance.now() - start > TRANSACTION_DEADLINE) {
        throw new IndexError('database-busy', 'The database was busy with other changes for too long; try again.', {
          cause: error,
        })
      }
    }
    await delay(TRANSACTION_RETRY_DELAY * 2 ** Math.min(lost, 5) * (0.5 + Math.random()))
  }
}
