/** The Node side of a bridge: the WebSocket server, serial and TCP transports, and a socket for the client. */
export type { AccessToken } from './auth.js';
export {
  type BrokerObserveOptions,
  type BrokerObserver,
  type BrokerOptions,
  type BrokerPublisher,
  type BrokerPublishOptions,
  observeBroker,
  publishToBroker,
} from './broker.js';
export { type BridgeConfig, configSchema, type ListenConfig, type TokenConfig } from './config.js';
export type { DeviceConfig } from './config-device-types.js';
export { parseConfig, type ReadConfig, readConfig } from './config-file.js';
export { bridgeOptionsOf, type ConfigContext } from './config-start.js';
export type { IgtlPeer, IgtlServedCommand } from './igtl-client.js';
export { type IgtlListenOptions, igtlListenTransport } from './igtl-listen.js';
export type { PoseType } from './igtl-messages.js';
export { IGTL_PORT, type IgtlServer, type IgtlServerOptions, startIgtlServer } from './igtl-server.js';
export { nodeStreamSocket } from './igtl-socket.js';
export { type AccessOptions, type AccessPolicy, accessPolicy, refusal } from './policy.js';
export { fileInput, openRecording, type RecordingFileOptions, recordingFile } from './recorder-file.js';
export { type Relay, type RelayLogEntry, type RelayOptions, type RelayParticipant, startRelay } from './relay.js';
export { type RelayPeer, RelayRoom, type RoomCounts, type RoomOptions, USUAL_ROOM } from './relay-room.js';
export { listSerialPorts, type SerialPortFacts, serialTransport } from './serial.js';
export { type Bridge, type BridgeOptions, startBridge } from './server.js';
export type { BridgeDevice } from './server-devices.js';
export type { BridgeLogEntry, CommandHandler } from './server-hub.js';
export type { BridgeLimits } from './server-limits.js';
export { type NodeSocketOptions, nodeSocket, nodeSocketWith } from './socket.js';
export { NDI_TCP_PORT, tcpTransport } from './tcp.js';
export { readTls, type TlsIdentity } from './tls.js';
export { type UdpCounts, type UdpOptions, type UdpTransport, udpTransport } from './udp.js';
