export type { EchoBody, EchoScene } from './echo-scene.js';
export { usualScene } from './echo-scene.js';
export type { NdiDeviceOptions, SimulatedFreeze } from './ndi-device.js';
export type { SimulatedTool } from './ndi-ports.js';
export { type Disturbance, type NdiSimulator, simulateNdiTracker } from './ndi-simulator.js';
export type { PoseSource, SimulatedPose } from './pose-source.js';
export { type SimulatedDriverOptions, simulatedDriver } from './simulated-driver.js';
export { type SimulatedUltrasound, type SimulatedUltrasoundOptions, simulatedUltrasound } from './ultrasound-driver.js';
