/**
 * `@trocar/device-bridge`: codecs, drivers and transports that need neither Node nor a browser. Serial, TCP and the
 * WebSocket server are in `./node`, the client in `./browser`, conformance checks in `./testing`.
 */
export { ClientDecoder, type ClientHandler, encodeHello, PoseBatch } from './codec/bridge/index.js';
export {
  decodeBx,
  decodeTx,
  encodeBx,
  encodeTx,
  makeToolFile,
  type NdiFault,
  NdiFrame,
  NdiReply,
  NdiReplyFramer,
  type NdiReplyHandler,
  readToolFile,
  type ToolFileInfo,
  type ToolFileOptions,
} from './codec/ndi/index.js';
export { type ConnectionState, type Driver, type DriverFault, type PoseSink, poseBufferSink, type ToolInfo } from './driver.js';
export {
  NDI_TIMEOUTS,
  type NdiDriverOptions,
  type NdiTimeouts,
  type NdiToolOptions,
  NdiTracking,
  ndiDriver,
} from './drivers/ndi/index.js';
export {
  type Disturbance,
  type NdiDeviceOptions,
  type NdiSimulator,
  type PoseSource,
  type SimulatedDriverOptions,
  type SimulatedPose,
  type SimulatedTool,
  simulatedDriver,
  simulateNdiTracker,
} from './drivers/simulated/index.js';
export type { SerialLine, Transport, TransportHandler } from './transport.js';
export { type Pipe, type PipeOptions, pipe } from './transports/pipe.js';
