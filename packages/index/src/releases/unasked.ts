/** Why no upstream is asked: the administrator said so, or nothing new could be recorded. */
export type Unasked = 'offline' | 'read-only'

/** For people who did not get what they asked for. */
export function unaskedReason(unasked: Unasked): string {
  switch (unasked) {
    case 'offline':
      return 'This index is in offline mode: it asks no upstream and serves what it keeps.'
    case 'read-only':
      return 'This index is in read-only mode: it takes over nothing new and serves what it keeps.'
  }
}
