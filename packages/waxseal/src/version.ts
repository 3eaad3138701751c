import manifest from '../package.json' with { type: 'json' }

/** The version of this package, as `--version`, the ready file and the API say it. */
export const VERSION: string = manifest.version
