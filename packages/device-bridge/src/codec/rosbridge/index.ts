/** rosbridge: ROS messages as JSON over a WebSocket. */
export { RosbridgeDecoder, type RosbridgeLimits, type RosbridgeMessage, subscribeText, unsubscribeText } from './message.js';
export { type RosPose, type RosPoseType, readRosPoses } from './pose.js';
