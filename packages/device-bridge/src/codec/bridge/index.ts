export {
  ClientDecoder,
  type ClientHandler,
  decodeClientHello,
  decodeCommand,
  decodeHello,
  decodePing,
  isCommand,
  type Ping,
  type RawMessage,
  viewOf,
} from './decode.js';
export { encodeCommand, encodeEvent, encodeHeartbeat, encodeHello, encodePing, encodePong } from './encode.js';
export type { BridgeCommand, BridgeEvent, BridgeHello, ClientHello, DeviceState, Role } from './facts.js';
export {
  BRIDGE_REVISION,
  BRIDGE_VERSION,
  CLOSE,
  LARGEST_MESSAGE,
  MESSAGE,
  MOST_TOOLS,
  POSES_HEADER,
  RECORD,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL,
} from './layout.js';
export { PoseBatch } from './pose-batch.js';
