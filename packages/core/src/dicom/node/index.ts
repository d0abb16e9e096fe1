export { type ArchiveTls, archiveFetch } from './fetch.js';
export { findOrthanc, type OrthancOptions, type RunningOrthanc, startOrthanc } from './orthanc.js';
export { studyFolder } from './study-folder.js';
