import { AUDIT_ROUTES } from './management/audit-routes.ts'
import { MEMBER_ROUTES } from './management/member-routes.ts'
import { NAMESPACE_ROUTES } from './management/namespace-routes.ts'
import { OVERLAY_ROUTES } from './management/overlay-routes.ts'
import { PROJECT_ROUTES } from './management/project-routes.ts'
import { REQUEST_ROUTES } from './management/request-routes.ts'
import type { ManagementRoute } from './management/route.ts'
import { TEAM_ROUTES } from './management/team-routes.ts'
import { TOKEN_ROUTES } from './management/token-routes.ts'
import { TRANSFER_ROUTES } from './management/transfer-routes.ts'
import { USER_ROUTES } from './management/user-routes.ts'

/** Every management route there is; the OpenAPI document is made from this list. */
export const MANAGEMENT_ROUTES: readonly ManagementRoute[] = [
  ...PROJECT_ROUTES,
  ...OVERLAY_ROUTES,
  ...NAMESPACE_ROUTES,
  ...REQUEST_ROUTES,
  ...MEMBER_ROUTES,
  ...TRANSFER_ROUTES,
  ...TEAM_ROUTES,
  ...TOKEN_ROUTES,
  ...USER_ROUTES,
  ...AUDIT_ROUTES,
]
