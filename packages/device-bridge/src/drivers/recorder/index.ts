export { recordingSink } from './sink.js';
export { type Recorded, recordingDatagrams, recordingTransport } from './transport.js';
