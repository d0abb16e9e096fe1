/** The client side of a bridge: for pages, workers and Electron, and, with `nodeSocket`, for Node. */
export {
  type BridgeClient,
  type BridgeClientOptions,
  type BridgeCounts,
  type BridgeState,
  connectBridge,
  type LinkState,
} from './client.js';
export { type BridgeSocket, browserSocket, type CreateSocket, type SocketEvents } from './socket.js';
