/** Every cap this package applies, in one place (design.md section 11, attacks.md REDOS, BIGINT, MD-HUGE, ZIP-BOMB). */

/** Longest project name, in characters (attacks.md REDOS). */
export const MAX_NAME_LENGTH = 100
/** Longest version string, in characters (attacks.md REDOS). */
export const MAX_VERSION_LENGTH = 128
/** Most digits in one integer of a version (attacks.md BIGINT). */
export const MAX_VERSION_DIGITS = 16
/** Longest specifier set, in characters (attacks.md REDOS). */
export const MAX_SPECIFIER_LENGTH = 1024
/** Longest dependency specifier (PEP 508), in characters. */
export const MAX_REQUIREMENT_LENGTH = 4096
/** Longest file name, in bytes: what common file systems hold, with room for `.provenance` (attacks.md FN-PATH). */
export const MAX_FILENAME_LENGTH = 244
