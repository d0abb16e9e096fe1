export {
  cholesky,
  choleskySolve,
  invertSymmetric,
  type Svd3,
  type SymmetricEigen,
  svd3,
  symmetricEigen,
} from './linear.js';
export { Random } from './random.js';
export {
  determinant3,
  fromQuaternion,
  fromRotationVector,
  identity4,
  invert4,
  invertRigid,
  type Mat4,
  multiply4,
  type Quat,
  quaternionOf,
  rigidityError,
  rotationAngleBetween,
  slerp,
  transformDirection,
  transformPoint,
  type Vec3,
  vec3,
} from './rigid.js';
