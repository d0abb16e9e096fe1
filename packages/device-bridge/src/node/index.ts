/** The Node side of a bridge: the WebSocket server, serial and TCP transports, and a socket for the client. */
export { type AccessOptions, type AccessPolicy, accessPolicy, refusal } from './policy.js';
export { type Bridge, type BridgeOptions, startBridge } from './server.js';
export { nodeSocket } from './socket.js';
