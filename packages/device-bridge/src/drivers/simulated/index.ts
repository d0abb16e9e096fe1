export type { NdiDeviceOptions, SimulatedTool } from './ndi-device.js';
export { type Disturbance, type NdiSimulator, simulateNdiTracker } from './ndi-simulator.js';
export type { PoseSource, SimulatedPose } from './pose-source.js';
export { type SimulatedDriverOptions, simulatedDriver } from './simulated-driver.js';
