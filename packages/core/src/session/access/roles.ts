import { NavError } from '../../base/index.js';

/** Who may do what, from the least to the most. */
export const ROLES = ['observer', 'operator', 'physician', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What can be done in a session, beside looking on. The first eight are actions of a session's audit log. */
export const ACTIONS = [
  'plan/accepted',
  'plan-set/accepted',
  'registration/accepted',
  'registration/withdrawn',
  'calibration/accepted',
  'record/accepted',
  'view/set',
  'step/entered',
  'event/noted',
  'session/begun',
  'session/restored',
  'session/closed',
  'session/watched',
  'annotation/proposed',
  'study/fetched',
  'study/stored',
  'study/deidentified',
  'pseudonyms/opened',
  'recording/exported',
  'recording/deleted',
  'settings/changed',
] as const;
export type SessionAction = (typeof ACTIONS)[number];

const OBSERVER: readonly SessionAction[] = ['session/watched', 'annotation/proposed'];
const OPERATOR: readonly SessionAction[] = [
  ...OBSERVER,
  'view/set',
  'step/entered',
  'event/noted',
  'calibration/accepted',
  'session/begun',
  'session/restored',
  'session/closed',
  'study/fetched',
  'study/stored',
];
const PHYSICIAN: readonly SessionAction[] = [
  ...OPERATOR,
  'plan/accepted',
  'plan-set/accepted',
  'registration/accepted',
  'registration/withdrawn',
  'record/accepted',
  'recording/exported',
  'study/deidentified',
];
/** Whoever runs the system decides on data and settings, never on a patient's plan or registration. */
const ADMIN: readonly SessionAction[] = [
  'session/watched',
  'study/deidentified',
  'pseudonyms/opened',
  'recording/exported',
  'recording/deleted',
  'settings/changed',
];

/** What each role may do. A person may have several. */
export const PERMITTED: Readonly<Record<Role, ReadonlySet<SessionAction>>> = {
  observer: new Set(OBSERVER),
  operator: new Set(OPERATOR),
  physician: new Set(PHYSICIAN),
  admin: new Set(ADMIN),
};

/** Somebody whose token was checked. */
export interface Identity {
  /** As the site names people; what audit logs hold. */
  readonly subject: string;
  readonly roles: readonly Role[];
}

/** Whether one of the roles permits it. */
export function isPermitted({ roles }: Pick<Identity, 'roles'>, action: SessionAction): boolean {
  return roles.some((role) => PERMITTED[role].has(action));
}

/**
 * The name to accept with: hand it to the session as `by`, so that every acceptance names who.
 * @throws NavError `access/forbidden` that says which roles may
 */
export function permittedAs(identity: Identity, action: SessionAction): string {
  if (isPermitted(identity, action)) return identity.subject;
  const may = ROLES.filter((role) => PERMITTED[role].has(action));
  throw new NavError(
    'access/forbidden',
    `"${action}" is for ${may.join(', ')}; this token has ${identity.roles.join(', ')}. Log in as one of them.`,
    {
      detail: { action, roles: identity.roles },
    },
  );
}
