/** `work`, or what `otherwise` says once `milliseconds` have passed; `work` goes on either way. */
export async function withDeadline<T, U>(work: Promise<T>, milliseconds: number, otherwise: () => U): Promise<T | U> {
  const { promise, resolve } = Promise.withResolvers<U>()
  const timer = setTimeout(() => resolve(otherwise()), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
