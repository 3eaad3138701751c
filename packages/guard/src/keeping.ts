import type { RunReport } from './run-report.ts'

/** What is written down after it was answered, one after another; nothing is left of it when the guard ends. */
export class Keeping {
  readonly #report: RunReport
  #last: Promise<void> = Promise.resolve()

  constructor(report: RunReport) {
    this.#report = report
  }

  /** Does this once all before it is done. That it fails, on a full disk, costs the next run and is said. */
  add(work: () => Promise<void> | void): void {
    this.#last = this.#last.then(async () => {
      try {
        // A turn for whoever waits for an answer.
        await new Promise(setImmediate)
        await work()
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.#report.note(`What was seen could not be kept: ${reason}`)
      }
    })
  }

  async done(): Promise<void> {
    await this.#last
  }
}
