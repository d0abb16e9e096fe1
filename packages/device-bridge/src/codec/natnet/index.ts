/** NatNet, the protocol of OptiTrack's Motive. */
export {
  encodeConnect,
  encodeDiscovery,
  encodeEchoRequest,
  encodeEmpty,
  encodeRequest,
  NATNET_COMMAND_PORT,
  NATNET_DATA_PORT,
} from './encode.js';
export { BODY_VALUES, decodeNatnetFrame, NatNetFrame } from './frame.js';
export { NATNET, natnetMessage } from './header.js';
export { decodeNatnetLog, type NatNetLogOptions } from './log.js';
export { decodeNatnet, type NatNetMessage, type ServerInfo } from './message.js';
export type { NatNetModel, RigidBodyModel } from './models.js';
export { type NatNetVersion, NEWEST_NATNET, versionNumber, versionText } from './version.js';
