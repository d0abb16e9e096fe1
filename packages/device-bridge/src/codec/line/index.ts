/** Lines of text, as serial sensors, NMEA devices and microcontrollers send them. */
export { type ChecksumOutcome, nmeaChecksum } from './checksum.js';
export {
  type CsvLayout,
  type KeyValueLayout,
  LINE_FIELDS,
  type LineField,
  type LineLayout,
  type LineParser,
  type LineValues,
  lineParser,
} from './fields.js';
export { type LineEnding, LineFramer, type LineHandler } from './framer.js';
export { LinePose, type LineUnits, readLinePose } from './pose.js';
