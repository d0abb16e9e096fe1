export { ClientDecoder, type ClientHandler, decodeHello, decodePing, type Ping, type RawMessage, viewOf } from './decode.js';
export { encodeEvent, encodeHeartbeat, encodeHello, encodePing, encodePong, PoseBatch } from './encode.js';
export type { BridgeEvent, BridgeHello } from './facts.js';
export { BRIDGE_VERSION, CLOSE, LARGEST_MESSAGE, MESSAGE, MOST_TOOLS, POSES_HEADER, RECORD } from './layout.js';
