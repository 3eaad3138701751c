/** The source of files that were uploaded to the index itself; no upstream may be called so. */
export const LOCAL_SOURCE = 'local'
