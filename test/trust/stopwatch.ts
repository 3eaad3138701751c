/** What a step took: time by the clock, and CPU time of the whole process; in milliseconds. */
export interface Spent {
  readonly ms: number
  readonly cpu_ms: number
}

/** Begins at once; each call tells what came since the one before. */
export function stopwatch(): () => Spent {
  let at = performance.now()
  let used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    const spent = { ms: performance.now() - at, cpu_ms: (user + system) / 1000 }
    at = performance.now()
    used = process.cpuUsage()
    return spent
  }
}
