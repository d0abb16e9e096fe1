export type { Acknowledgement, Alarm, AlarmEvent, AlarmPhase, AlarmPriority, AlarmValues } from './alarm.js';
export { ImageWatch } from './image-watch.js';
export { LinkWatch, type LinkWatchOptions } from './link-watch.js';
export { Monitor, type MonitorOptions, type MonitorRecord } from './monitor.js';
export { type GatePhase, gatedStatus, MotionGate, type MotionGateOptions } from './motion-gate.js';
export { ReferenceWatch, type ReferenceWatchOptions } from './reference-watch.js';
export { ALARM_RULES, type AlarmDeadline, type AlarmRule } from './rules.js';
export { printedRules } from './rules-table.js';
export { ALARM_TEXT, ALARM_TRANSLATIONS, AlarmTexts } from './texts/alarm-text.js';
export type { AlarmRuleId } from './texts/ids.js';
export {
  type ImageWatched,
  type ReferenceWatched,
  type RegistrationWatched,
  type ToolWatched,
  type Watched,
  watched,
  watchedImage,
  watchedTool,
} from './watched.js';
