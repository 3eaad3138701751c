/**
 * The rules about names as data, which the server and whoever verifies it share: no I/O, no clock, no database
 * (docs/decisions/0022-rules-about-names-are-shared.md).
 */
export * from './names/authority.ts'
export * from './names/default-policy.ts'
export * from './names/denials.ts'
export * from './names/local-source.ts'
export * from './names/merge-rule.ts'
export * from './names/name-record.ts'
export * from './names/namespaces.ts'
export * from './names/seal-words.ts'
export * from './names/signed-paths.ts'
