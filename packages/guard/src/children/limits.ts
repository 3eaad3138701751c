/** A requirements file, a lock or a project file that is read before the child starts. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024
/** `-r` and `-c` inside one another. */
export const MAX_NESTED_FILES = 32
/** Requirements files of one command, nested ones included. */
export const MAX_FILES = 1_000
