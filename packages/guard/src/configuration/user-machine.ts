/** Whose configuration is meant, and where the system keeps it. */
export interface UserMachine {
  readonly env: NodeJS.ProcessEnv
  readonly home: string
  readonly platform: NodeJS.Platform
}
