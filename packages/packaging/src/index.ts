export { PackagingError } from './error.ts'
export type { PackagingErrorCode } from './error.ts'
export { forTerminal, hasControlCharacters, withoutControlCharacters } from './control-characters.ts'
export { classifyDistribution, isSafeFilename } from './distribution-filename.ts'
export type { Distribution } from './distribution-filename.ts'
export { isAcceptedPlatformTag } from './platform-tag.ts'
export { isValidProjectName, normalizeExtra, normalizeProjectName, ultranormalizeProjectName } from './project-name.ts'
export { JsonProjectList } from './project-list-reader.ts'
export type { ProjectListReader } from './project-list-reader.ts'
export { formatSdistFilename, parseSdistFilename, sdistVersionForProject } from './sdist-filename.ts'
export type { SdistFilename } from './sdist-filename.ts'
export { parseSpecifierSet, satisfies } from './specifier.ts'
export type { Specifier, SpecifierSet } from './specifier.ts'
export {
  canonicalVersionKey,
  compareVersions,
  formatVersion,
  hasLocal,
  isPrerelease,
  parseVersion,
  tryParseVersion,
} from './version.ts'
export type { PrereleasePhase, Version } from './version.ts'
export { formatWheelFilename, parseWheelFilename } from './wheel-filename.ts'
export type { WheelBuild, WheelFilename } from './wheel-filename.ts'
export { formatRequirement, parseRequirement } from './requirement.ts'
export type { Requirement } from './requirement.ts'
export { normalizeLicenseExpression } from './spdx.ts'
export { bytesSource } from './byte-source.ts'
export type { ByteSource } from './byte-source.ts'
export { readZipDirectory } from './zip-directory.ts'
export type { ZipEntry } from './zip-directory.ts'
export { digestZipEntry, hashZipEntry, readZipEntry, streamZipEntry } from './zip-member.ts'
export { parseSimpleJson, readSimpleJson } from './simple-json-reader.ts'
export { prepareSimpleJson, simpleApiVersion, writeProjectListJson, writeSimpleJson } from './simple-json-writer.ts'
export { findSimpleFile, rewriteSimpleJson } from './simple-json-rewriter.ts'
export { renderProjectListHtml, renderSimpleHtml } from './simple-html-writer.ts'
export { isUploadTime, normalizeUploadTime } from './simple-upload-time.ts'
export type {
  DroppedEntry,
  PrivateKeys,
  SimpleContext,
  SimpleFile,
  SimpleNamespace,
  SimpleProjectList,
  SimpleProjectPage,
  SimpleReading,
  SimpleStatus,
  SimpleStatusName,
} from './simple-page.ts'
export { compareMetadata } from './core-metadata-compare.ts'
export { validateCoreMetadata } from './core-metadata-rules.ts'
export type { MetadataProblem, MetadataRules } from './core-metadata-rules.ts'
export { coreMetadataFromForm, parseCoreMetadata } from './core-metadata.ts'
export type { CoreMetadata } from './core-metadata.ts'
export { parseEntryPoints } from './entry-points.ts'
export type { EntryPoint } from './entry-points.ts'
export type { InspectionBudget } from './inspection-budget.ts'
export { inspectWheel } from './wheel-inspection.ts'
export type { WheelInspection, WheelInspectionOptions } from './wheel-inspection.ts'
export { writeWheel } from './wheel-writer.ts'
export type { WheelContent } from './wheel-writer.ts'
export { formatRecord, parseRecord } from './record.ts'
export type { RecordEntry } from './record.ts'
export { inspectSdist } from './sdist-inspection.ts'
export type { SdistExpectation, SdistInspection } from './sdist-inspection.ts'
