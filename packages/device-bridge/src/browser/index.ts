/** The client side of a bridge: for pages, workers and Electron, and, with `nodeSocket`, for Node. */
export type { BridgeCommand, DeviceState, Role } from '../codec/bridge/index.js';
export { connectBridge } from './client.js';
export type {
  BridgeClient,
  BridgeClientOptions,
  BridgeCounts,
  BridgeMark,
  BridgeState,
  LinkState,
} from './client-types.js';
export type { BridgeImageCounts, BridgeImageOptions, BridgeImages } from './image-link.js';
export {
  connectObserver,
  connectPublisher,
  type ObserverLink,
  type ObserverOptions,
  type PublisherLink,
  type PublishOptions,
} from './observer.js';
export type { RelayLinkOptions, RelayLinkState } from './observer-link.js';
export { type BridgeSocket, browserSocket, type CreateSocket, type SocketAccess, type SocketEvents } from './socket.js';
export { type WebSerialOptions, type WebSerialPort, webSerialTransport } from './web-serial.js';
