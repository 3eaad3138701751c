import { planGithub, planGitlab } from './continuous-integration.ts'
import { planDocker } from './docker.ts'
import { planPdm } from './pdm.ts'
import { planPip } from './pip.ts'
import { planPipenv } from './pipenv.ts'
import { planPoetry } from './poetry.ts'
import type { SetupPlan, SetupRequest } from './setup-plan.ts'
import { planTwine } from './twine.ts'
import { planUv } from './uv.ts'

/** What `waxseal setup` can set up. */
export const SETUP_CLIENTS = {
  pip: planPip,
  uv: planUv,
  poetry: planPoetry,
  pdm: planPdm,
  pipenv: planPipenv,
  twine: planTwine,
  docker: planDocker,
  github: planGithub,
  gitlab: planGitlab,
} satisfies Readonly<Record<string, (request: SetupRequest) => SetupPlan>>

export type SetupClient = keyof typeof SETUP_CLIENTS
