export { findOrthanc, type OrthancOptions, type RunningOrthanc, startOrthanc } from './orthanc.js';
