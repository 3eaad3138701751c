/**
 * What stands between an attack and its aim. All of it, always: the catalogue of attacks alone (`attacks/`) starts guards without one of
 * these, to show that it is what holds.
 */
export const DEFENCES = [
  'cache-rehash',
  'deny-list',
  'developer-keys',
  'direct-urls',
  'file-hash',
  'name-check',
  'name-rules',
  'pace',
  'pins',
  'sidecar-hash',
  'signatures',
  'size-limit',
  'status',
  'wheel-metadata',
] as const

export type Defence = (typeof DEFENCES)[number]

export type Defences = ReadonlySet<Defence>

export const ALL_DEFENCES: Defences = new Set(DEFENCES)
