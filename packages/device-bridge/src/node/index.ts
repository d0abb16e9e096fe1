/** The Node side of a bridge: the WebSocket server, serial and TCP transports, and a socket for the client. */
export { type AccessOptions, type AccessPolicy, accessPolicy, refusal } from './policy.js';
export { listSerialPorts, type SerialPortFacts, serialTransport } from './serial.js';
export { type Bridge, type BridgeOptions, startBridge } from './server.js';
export { nodeSocket } from './socket.js';
export { NDI_TCP_PORT, tcpTransport } from './tcp.js';
export { type UdpCounts, type UdpOptions, type UdpTransport, udpTransport } from './udp.js';
