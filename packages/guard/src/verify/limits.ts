/** Largest lock or requirements file, in bytes. The largest uv.lock seen in public has some 5 MiB. */
export const MAX_LOCK_BYTES = 32 * 1024 * 1024
/** Most entries (files, requirements) that one lock may have. */
export const MAX_LOCK_ENTRIES = 200_000
/** Deepest inline value of a lock in TOML: the formats need three. */
export const MAX_LOCK_DEPTH = 32
/** Most files that one requirements file may reach by `-r` and `-c`. */
export const MAX_INCLUDED_FILES = 100
/** Most distributions that are hashed in one folder. */
export const MAX_FOLDER_FILES = 100_000
/** Pages that are asked for at once: the guard verifies each. */
export const PAGES_AT_ONCE = 8
