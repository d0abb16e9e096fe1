export {
  type Deletion,
  deleteDue,
  dueForDeletion,
  type KeptThing,
  type RetentionFinding,
  type RetentionRules,
} from './retention.js';
export { ACTIONS, type Identity, isPermitted, PERMITTED, permittedAs, ROLES, type Role, type SessionAction } from './roles.js';
export {
  type SigningKey,
  signToken,
  type TokenAlgorithm,
  type TokenClaims,
  type TokenDemands,
  type TokenKey,
  verifyToken,
} from './token.js';
