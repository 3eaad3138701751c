/** Largest configuration file that is looked at, in bytes: people write them. */
export const MAX_CONFIGURATION_BYTES = 4 * 1024 * 1024
/** Most files of a folder that are looked at. */
export const MAX_FOLDER_FILES = 1000
