/** The fields of core metadata that hold one value. */
export type SingleField =
  | 'metadataVersion'
  | 'name'
  | 'version'
  | 'summary'
  | 'description'
  | 'descriptionContentType'
  | 'keywords'
  | 'homePage'
  | 'downloadUrl'
  | 'author'
  | 'authorEmail'
  | 'maintainer'
  | 'maintainerEmail'
  | 'license'
  | 'licenseExpression'
  | 'requiresPython'

/** The fields of core metadata that may be given more than once. */
export type MultipleField =
  | 'platforms'
  | 'supportedPlatforms'
  | 'classifiers'
  | 'requires'
  | 'provides'
  | 'obsoletes'
  | 'requiresDist'
  | 'providesDist'
  | 'obsoletesDist'
  | 'requiresExternal'
  | 'projectUrls'
  | 'providesExtra'
  | 'dynamic'
  | 'licenseFiles'
  | 'importNames'
  | 'importNamespaces'

interface FieldBase {
  /** The header's name in lower case, by which problems name a field too. */
  readonly header: string
  /** The name in an upload form, and the other spellings that clients send (behaviour.md 1.3). */
  readonly form: readonly string[]
  /** The metadata version that introduced it. */
  readonly added: string
  /** May span lines in a file. Where the value decides what is installed, it may not (attacks.md MD-INJ). */
  readonly multiline: boolean
}
export type MetadataField =
  | (FieldBase & { readonly multiple: false; readonly key: SingleField })
  | (FieldBase & { readonly multiple: true; readonly key: MultipleField })

/** Every metadata version that is legal; 2.0 was never released (standards.md 3.5). Ascending. */
export const METADATA_VERSIONS: readonly string[] = ['1.0', '1.1', '1.2', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6']

/** Every field of core metadata 1.0 to 2.6 (2.6 changed a rule and added none). */
export const METADATA_FIELDS: readonly MetadataField[] = [
  single('metadataVersion', 'metadata-version', '1.0'),
  single('name', 'name', '1.0'),
  single('version', 'version', '1.0'),
  multiple('platforms', 'platform', '1.0', { aliases: ['platforms'], multiline: true }),
  single('summary', 'summary', '1.0', { multiline: true }),
  single('description', 'description', '1.0', { multiline: true }),
  single('keywords', 'keywords', '1.0', { multiline: true }),
  single('homePage', 'home-page', '1.0'),
  single('author', 'author', '1.0', { multiline: true }),
  single('authorEmail', 'author-email', '1.0', { multiline: true }),
  single('license', 'license', '1.0', { multiline: true }),
  multiple('supportedPlatforms', 'supported-platform', '1.1', { aliases: ['supported_platforms'] }),
  single('downloadUrl', 'download-url', '1.1'),
  multiple('classifiers', 'classifier', '1.1', { aliases: ['classifiers'] }),
  multiple('requires', 'requires', '1.1'),
  multiple('provides', 'provides', '1.1'),
  multiple('obsoletes', 'obsoletes', '1.1'),
  single('maintainer', 'maintainer', '1.2', { multiline: true }),
  single('maintainerEmail', 'maintainer-email', '1.2', { multiline: true }),
  multiple('requiresDist', 'requires-dist', '1.2'),
  multiple('providesDist', 'provides-dist', '1.2'),
  multiple('obsoletesDist', 'obsoletes-dist', '1.2'),
  multiple('requiresExternal', 'requires-external', '1.2'),
  single('requiresPython', 'requires-python', '1.2'),
  multiple('projectUrls', 'project-url', '1.2', { aliases: ['project_urls'] }),
  single('descriptionContentType', 'description-content-type', '2.1'),
  multiple('providesExtra', 'provides-extra', '2.1', { aliases: ['provides_extras'] }),
  multiple('dynamic', 'dynamic', '2.2'),
  single('licenseExpression', 'license-expression', '2.4'),
  multiple('licenseFiles', 'license-file', '2.4', { aliases: ['license_files'] }),
  multiple('importNames', 'import-name', '2.5', { aliases: ['import_names'] }),
  multiple('importNamespaces', 'import-namespace', '2.5', { aliases: ['import_namespaces'] }),
]

interface Traits {
  readonly aliases?: readonly string[]
  readonly multiline?: boolean
}

function single(key: SingleField, header: string, added: string, traits: Traits = {}): MetadataField {
  return { key, multiple: false, ...shared(header, added, traits) }
}

function multiple(key: MultipleField, header: string, added: string, traits: Traits = {}): MetadataField {
  return { key, multiple: true, ...shared(header, added, traits) }
}

function shared(header: string, added: string, { aliases = [], multiline = false }: Traits): FieldBase {
  return { header, form: [header.replaceAll('-', '_'), ...aliases], added, multiline }
}
