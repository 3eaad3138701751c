/** The environment of a Node process for which it is now `time`, in milliseconds since 1970, and goes on from there. */
export function clockAt(time: number): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--import=${import.meta.resolve('./shifted-clock.ts')}`,
    CLOCK_SHIFT_MS: String(time - Date.now()),
  }
}
