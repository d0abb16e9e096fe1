import { finiteOrNull } from '../decoded.js';
import { type Bx2Reply, SIX_D, STRAY_HANDLE } from './bx2.js';
import { hex } from './crc16.js';
import { HANDLE_STATE, NDI_OPTION, type NdiFrame, VALUES } from './frame.js';
import {
  ALERT_KINDS,
  alertMeaning,
  FRAME_TYPES,
  MARKER_STATES,
  portStatusNames,
  SIX_D_CODES,
  systemStatusNames,
  THREE_D_CODES,
  toolInfoNames,
} from './names.js';

/** Decoded replies as plain objects for JSON: numbers that are none become null, bits have their names beside them. */
export type Fields = Record<string, unknown>;
/** Fields that say of what type they are. */
export type Described = { type: string } & Fields;

/** Which reply a frame came in: GX numbers its options otherwise. */
export type FrameKind = 'tx' | 'bx' | 'gx';

/** NDI's mark for "no number" is −3.697314e28; anything below this is taken for it. */
const BAD_FLOAT = -3e28;

const measured = (value: number): number | null => (value < BAD_FLOAT ? null : finiteOrNull(value));

const numbers = (values: Float64Array, at: number, count: number): Array<number | null> =>
  Array.from({ length: count }, (_, k) => measured(values[at + k] as number));

/** A pose: the quaternion's order is in its name, positions in mm in the tracker's frame. */
function pose(values: Float64Array, at: number): Fields {
  return {
    quaternionWxyz: numbers(values, at, 4),
    positionMm: numbers(values, at + 4, 3),
    errorMm: measured(values[at + 7] as number),
  };
}

/** A TX, BX or GX reply. */
export function frameFields(frame: NdiFrame, kind: FrameKind): Fields {
  return {
    options: hex(frame.options, 4),
    tools: Array.from({ length: frame.count }, (_, i) => handleFields(frame, i, kind)),
    ...(frame.options & NDI_OPTION.strays ? { strays: strays(frame) } : {}),
    systemStatus: frame.systemStatus,
    systemStatusBits: systemStatusNames(frame.systemStatus),
  };
}

const STATES: Readonly<Record<number, string>> = {
  [HANDLE_STATE.valid]: 'valid',
  [HANDLE_STATE.missing]: 'missing',
  [HANDLE_STATE.disabled]: 'disabled',
  [HANDLE_STATE.unoccupied]: 'unoccupied',
};

function handleFields(frame: NdiFrame, i: number, kind: FrameKind): Fields {
  const { options } = frame;
  const state = frame.state[i] as number;
  const fields: Fields = { handle: frame.handle[i], status: STATES[state] };
  const absent = state === HANDLE_STATE.disabled || state === HANDLE_STATE.unoccupied;
  // GX tells the ports' status apart from their transforms, so a disabled port has one too.
  if (absent && kind !== 'gx') return fields;
  if (options & NDI_OPTION.transforms) {
    if (state === HANDLE_STATE.valid) fields['pose'] = pose(frame.values, i * VALUES);
    fields['portStatus'] = frame.portStatus[i];
    fields['portStatusBits'] = portStatusNames(frame.portStatus[i] as number);
  }
  const framed = kind === 'gx' ? options & 0x0008 : options & NDI_OPTION.transforms;
  if (framed) fields['frame'] = frame.frameNumber[i];
  if (options & NDI_OPTION.toolInfo) fields['toolInfo'] = toolInfo(frame, i, kind);
  if (options & NDI_OPTION.strayMarker) {
    fields['strayStatus'] = frame.strayStatus[i];
    if (Number.isFinite(frame.strayPosition[3 * i])) fields['strayMm'] = numbers(frame.strayPosition, 3 * i, 3);
  }
  if (kind !== 'gx' && options & NDI_OPTION.toolMarkers) fields['markers'] = markers(frame, i);
  return fields;
}

/** The low nibble of the last byte is marker A. */
function toolInfo(frame: NdiFrame, i: number, kind: FrameKind): Fields {
  const bits = frame.toolInfo[i * 11] as number;
  const bytes = kind === 'gx' ? 5 : 10;
  const states: string[] = [];
  for (let k = bytes; k >= 1; k -= 1) {
    const pair = frame.toolInfo[i * 11 + k] as number;
    for (const nibble of [pair & 0xf, pair >> 4]) states.push(MARKER_STATES[nibble] ?? `state${nibble}`);
  }
  return { bits, names: toolInfoNames(bits), face: (bits >> 4) & 7, markers: states };
}

function markers(frame: NdiFrame, i: number): Fields[] {
  const first = frame.markerStart[i] as number;
  return Array.from({ length: frame.markerCount[i] as number }, (_, k) => ({
    positionMm: numbers(frame.markers, 3 * (first + k), 3),
    outOfVolume: frame.markerOutOfVolume[first + k] === 1,
  }));
}

function strays(frame: NdiFrame): Fields[] {
  return Array.from({ length: frame.strayCount }, (_, k) => ({
    positionMm: numbers(frame.strays, 3 * k, 3),
    outOfVolume: (((frame.strayOutOfVolume[k >> 3] as number) >> (k & 7)) & 1) === 1,
  }));
}

/** A BX2 reply: what is of a frame stands in it, what is of none beside the frames. */
export function bx2Fields(reply: Bx2Reply): Fields {
  const loose = dataFields(reply, -1);
  return {
    frames: Array.from({ length: reply.frameCount }, (_, i) => ({
      frameType: FRAME_TYPES[reply.frameType[i] as number] ?? reply.frameType[i],
      sequence: reply.frameSequence[i],
      status: reply.frameStatus[i],
      frame: reply.frameNumber[i],
      deviceSeconds: reply.frameSeconds[i],
      deviceNanoseconds: reply.frameNanoseconds[i],
      ...dataFields(reply, i),
    })),
    ...loose,
    ...(reply.alertCount > 0 && { alerts: alerts(reply) }),
    ...(reply.skippedComponents > 0 && { skipped: { components: reply.skippedComponents, bytes: reply.skippedBytes } }),
  };
}

function dataFields(reply: Bx2Reply, frame: number): Fields {
  const tools = where(reply.sixDCount, reply.sixDFrame, frame).map((i) => sixD(reply, i));
  const points = where(reply.threeDCount, reply.threeDFrame, frame).map((i) => threeD(reply, i));
  const buttons = where(reply.buttonCount, reply.buttonFrame, frame).map((i) => ({
    handle: reply.buttonHandle[i],
    button: reply.buttonIndex[i],
    pressed: reply.buttonState[i] === 1,
  }));
  const errors = where(reply.errorCount, reply.errorFrame, frame).map((i) => ({
    handle: reply.errorHandle[i],
    marker: reply.errorIndex[i],
    errorMm: measured(reply.errorMm[i] as number),
  }));
  return {
    ...(tools.length > 0 && { tools }),
    ...(points.length > 0 && { markers: points }),
    ...(buttons.length > 0 && { buttons }),
    ...(errors.length > 0 && { markerErrors: errors }),
  };
}

function where(count: number, frames: Int16Array, frame: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i += 1) if (frames[i] === frame) found.push(i);
  return found;
}

function sixD(reply: Bx2Reply, i: number): Fields {
  const status = reply.sixDStatus[i] as number;
  const missing = (status & SIX_D.missingBit) !== 0;
  return {
    handle: reply.sixDHandle[i],
    status: missing ? 'missing' : 'valid',
    code: status & 0xff,
    codeName: SIX_D_CODES[status & 0xff] ?? `code${status & 0xff}`,
    averaging: (status & 0x0200) !== 0,
    face: status >> 13,
    ...(!missing && { pose: pose(reply.sixDValues, 8 * i) }),
  };
}

function threeD(reply: Bx2Reply, i: number): Fields {
  const status = reply.threeDStatus[i] as number;
  return {
    handle: reply.threeDHandle[i] === STRAY_HANDLE ? null : reply.threeDHandle[i],
    marker: reply.threeDIndex[i],
    status: THREE_D_CODES[status] ?? `code${status}`,
    ...(status !== 1 && { positionMm: numbers(reply.threeDValues, 3 * i, 3) }),
  };
}

function alerts(reply: Bx2Reply): Fields[] {
  return Array.from({ length: reply.alertCount }, (_, i) => {
    const type = reply.alertType[i] as number;
    const code = reply.alertCode[i] as number;
    return { kind: ALERT_KINDS[type] ?? type, code, meaning: alertMeaning(type, code) };
  });
}
