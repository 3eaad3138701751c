export { GuardError } from './error.ts'
export type { GuardErrorCode } from './error.ts'
export type { GuardEndpoint } from './endpoint.ts'
