/** ART DTrack: datagrams of ASCII lines, and the command connection. */
export {
  DTRACK_COMMAND_PORT,
  DTRACK_DATA_PORT,
  type DTrackAnswer,
  DTrackAnswerFramer,
  dtrackCommand,
  parseDtrackAnswer,
} from './control.js';
export { decodeDtrack } from './decode.js';
export { positionSd, targetPose } from './facts.js';
export { DTRACK_LIMITS, DTrackControls, DTrackFrame, DTrackTargets, TARGET_STATE } from './frame.js';
export { decodeDtrackLog } from './log.js';
