export type { RigidPose, XrRoom } from './room.js';
export { startXr, type XrMode, type XrOptions, xrSupported } from './start-xr.js';
export type { XrPlacement, XrStage } from './xr-stage.js';
