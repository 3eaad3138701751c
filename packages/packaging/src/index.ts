export { PackagingError } from './error.ts'
export type { PackagingErrorCode } from './error.ts'
