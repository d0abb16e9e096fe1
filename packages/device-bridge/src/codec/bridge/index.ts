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
export type { BridgeCommand, BridgeEvent, BridgeHello, ClientHello, DeviceState, ImageWish, Role } from './facts.js';
export {
  decodeImage,
  decodeImageAck,
  encodeImage,
  encodeImageAck,
  fromDifferences,
  type ImageEncoding,
  type ImageMessage,
  isImage,
  toDifferences,
} from './image.js';
export {
  BRIDGE_REVISION,
  BRIDGE_VERSION,
  CLOSE,
  LARGEST_MESSAGE,
  MESSAGE,
  MOST_IN_FLIGHT,
  MOST_SOURCES,
  MOST_TOOLS,
  POSES_HEADER,
  RECORD,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL,
} from './layout.js';
export { PoseBatch } from './pose-batch.js';
