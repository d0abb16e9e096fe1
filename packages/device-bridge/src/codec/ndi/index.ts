export { decodeBx } from './bx.js';
export { ALERT_TYPE, Bx2Reply, decodeBx2, GBF, SIX_D, STRAY_HANDLE } from './bx2.js';
export { baudRateOf, type Command, type CommandForm, commArguments, encodeCommand, parseCommand } from './command.js';
export { crc16, hex, withCrc } from './crc16.js';
export { decodeNdiLog, type NdiLogOptions } from './decode-log.js';
export { encodeBx, encodeTx, frameBinary, streamHeader } from './encode.js';
export { encodeBx2, encodeBx2Body } from './encode-bx2.js';
export { type ReplyWord, replyWord } from './errors.js';
export { HANDLE_STATE, NDI_OPTION, NdiFrame, PORT_STATUS, SYSTEM_STATUS, VALUES } from './frame.js';
export { type NdiFault, NdiReply, NdiReplyFramer, type NdiReplyHandler } from './framer.js';
export { decodeGx, encodeGx, GX_OPTION } from './gx.js';
export { alertMeaning, portStatusNames, SIX_D_CODES, systemStatusNames } from './names.js';
export { knowsBx2, parseApiRevision, parseParameterInfo, parseParameters } from './parameter.js';
export {
  PHINF,
  PHINF_OPTION,
  PHSR,
  type PortFacts,
  type PortHandle,
  type PortInfo,
  type PortStat,
  parsePortFacts,
  parsePortHandles,
  parsePortInfo,
  parsePortStats,
} from './port.js';
export { makeToolFile, readToolFile, type ToolFileInfo, type ToolFileOptions, toolFileWrites } from './tool-file.js';
export { decodeTx } from './tx.js';
