export { Acks } from './acks.js';
export { decodeFrame, encodeFrame, type RelayFrame, requireRelayVersion } from './frames.js';
export {
  type CarriedKind,
  FRAME,
  KEPT,
  LARGEST_FRAME,
  LARGEST_NOTE,
  LONGEST_PARTICIPANT,
  RELAY_CLOSE,
  RELAY_VERSION,
  ROOM_NAME,
} from './layout.js';
