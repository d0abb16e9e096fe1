/** ROS, through rosbridge. */
export { ROSBRIDGE_PORT, rosbridgeDriver } from './driver.js';
export type { RosbridgeDriverOptions, RosSocket, RosToolOptions } from './options.js';
