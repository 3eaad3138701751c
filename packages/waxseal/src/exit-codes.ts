/** Exit codes of every command (design.md section 13). */
export const EXIT_DONE = 0
/** Refused, or not verified. */
export const EXIT_REFUSED = 1
/** Wrong use: unknown option, missing argument, invalid configuration. */
export const EXIT_USAGE = 2
/** The environment failed: network, disk, database. */
export const EXIT_ENVIRONMENT = 3
