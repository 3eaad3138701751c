/** Names, as they are looked at before anything else of this package is needed: what starts a program waits for each module. */
export { forTerminal } from './control-characters.ts'
export { isSafeFilename } from './distribution-filename.ts'
export { isValidProjectName, normalizeProjectName } from './project-name.ts'
