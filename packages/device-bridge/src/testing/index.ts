/** What a codec or a driver must do, as checks that run in any test runner. */
export { checkDatagramCodec, type DatagramCodecSuite } from './datagram-codec.js';
export { type DatagramDevice, type DatagramLink, datagramLink } from './datagram-link.js';
export { checkDriver, type DriverCheck, type DriverSuite, type DriverUnderTest } from './driver-suite.js';
export { type PoseExpectations, PoseRecord } from './pose-record.js';
export { checkStreamCodec, type StreamCodecSuite, type StreamCodecUnderTest } from './stream-codec.js';
export { type Disturbances, TestWire } from './wire.js';
