/** Every cap of the server, in one place (design.md section 11, style.md rule 7). Sizes in bytes, times in milliseconds. */

/** Default cap of one uploaded file; a setting. */
export const DEFAULT_MAX_FILE_SIZE = 4 * 1024 ** 3
/** Default cap of one project's uploaded files together; a setting. */
export const DEFAULT_MAX_PROJECT_SIZE = 100 * 1024 ** 3
