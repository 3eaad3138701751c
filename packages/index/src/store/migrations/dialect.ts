/** The databases that the one schema is written for. */
export type Dialect = 'sqlite' | 'postgres'
