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

/** Most members one archive may have (attacks.md ZIP-BOMB, TAR-BOMB: 10^6 entries). The largest wheels of PyPI have some 20,000. */
export const MAX_ARCHIVE_ENTRIES = 100_000
/** Largest central directory that is read into memory, in bytes. */
export const MAX_ZIP_DIRECTORY_BYTES = 32 * 1024 * 1024
/** Decompressed bytes up to which any compression ratio is fine (behaviour.md 1.4 U). */
export const RATIO_FREE_BYTES = 64 * 1024 * 1024
/** Highest ratio of decompressed to compressed bytes above RATIO_FREE_BYTES (behaviour.md 1.4 U, attacks.md ZIP-BOMB). */
export const MAX_ARCHIVE_RATIO = 50
/** Most decompressed bytes of one archive. */
export const MAX_ARCHIVE_BYTES = 32 * 1024 * 1024 * 1024
/** Longest path of an archive member, in UTF-8 bytes. */
export const MAX_MEMBER_PATH_BYTES = 1024
/** Longest component of a member's path, in UTF-8 bytes: what file systems hold. */
export const MAX_MEMBER_COMPONENT_BYTES = 255
/** Largest METADATA or PKG-INFO, in bytes (attacks.md MD-HUGE). */
export const MAX_METADATA_BYTES = 4 * 1024 * 1024
/** Largest WHEEL file, in bytes. */
export const MAX_WHEEL_FILE_BYTES = 256 * 1024
/** Largest entry_points.txt, in bytes. */
export const MAX_ENTRY_POINTS_BYTES = 1024 * 1024
/** Largest RECORD, in bytes: MAX_ARCHIVE_ENTRIES rows of common length. */
export const MAX_RECORD_BYTES = 32 * 1024 * 1024
/** Longest gzip header that is looked at, in bytes: it holds one file name. */
export const MAX_GZIP_HEADER_BYTES = 4096
/** Largest pax or GNU long-name header of a tar member, in bytes. */
export const MAX_TAR_EXTENSION_BYTES = 64 * 1024
/** Deepest parentheses in a license expression or an environment marker (attacks.md REDOS). */
export const MAX_NESTING_DEPTH = 32
/** Longest SPDX license expression, in characters (attacks.md REDOS). */
export const MAX_LICENSE_EXPRESSION_LENGTH = 4096
/** Most header fields in one METADATA, and most metadata values in one upload form (attacks.md MD-HUGE). */
export const MAX_METADATA_VALUES = 10_000
/** Longest Summary, in characters: PyPI's limit (behaviour.md 1.4 E). */
export const MAX_SUMMARY_LENGTH = 512
/** Longest label of a Project-URL, in characters (core metadata specification). */
export const MAX_URL_LABEL_LENGTH = 32
/** Largest Simple API page that is read, in bytes. The largest of PyPI has some 20 MB. */
export const MAX_SIMPLE_PAGE_BYTES = 64 * 1024 * 1024
/** Most files of one Simple API page, and most versions. */
export const MAX_SIMPLE_FILES = 200_000
/** Longest URL in a Simple API page, in characters. */
export const MAX_URL_LENGTH = 4096
/** Longest reason of a yank or a project status, in characters. */
export const MAX_REASON_LENGTH = 4096
/** Most private keys that are kept of one object of a Simple API page. */
export const MAX_PRIVATE_KEYS = 32
/** Most attributes of one HTML tag: the tokenizer compares each with all before it (attacks.md REDOS). */
export const MAX_TAG_ATTRIBUTES = 256
/** Most dropped entries that a reading of a Simple API page lists one by one. */
export const MAX_DROPPED_REPORTS = 1000
/** Most components of a member's path, and most steps of a link's target. The deepest of PyPI stay below 30. */
export const MAX_MEMBER_COMPONENTS = 64
/** Most paths of one archive, directories that are only implied included. */
export const MAX_ARCHIVE_PATHS = 2 * MAX_ARCHIVE_ENTRIES
/** Longest tag, comment or unbroken run of text in HTML, in characters: the tokenizer copies it for every chunk (attacks.md REDOS). */
export const MAX_HTML_TOKEN_LENGTH = 256 * 1024
/** Deepest objects and lists in the JSON of a Simple API page (attacks.md REDOS). Those of PyPI have 4. */
export const MAX_JSON_DEPTH = 64
/** Most objects and lists in the JSON of a Simple API page: four for each file. */
export const MAX_JSON_CONTAINERS = 800_000
/** Most commas in the JSON of a Simple API page. PyPI's have eleven for each file, and room for 100,000 such files in their bytes. */
export const MAX_JSON_COMMAS = 2_000_000
/** Most members of one object in the JSON of a Simple API page. */
export const MAX_JSON_MEMBERS = 1000
/** Most projects of an index's project list. PyPI has some 700,000. */
export const MAX_LISTED_PROJECTS = 5_000_000
/** Longest entry of a project list in JSON, and all that stands in it beside the entries, in bytes. */
export const MAX_LISTED_PROJECT_BYTES = 64 * 1024
