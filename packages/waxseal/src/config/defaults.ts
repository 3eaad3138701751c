/** Where the first administrator finds everything: PyPI behind the index, unless told otherwise. */
export const DEFAULT_UPSTREAM = { name: 'pypi', url: 'https://pypi.org/simple/' } as const
export const DEFAULT_LISTEN = '127.0.0.1:8417'
export const DEFAULT_DATA = './waxseal-data'
