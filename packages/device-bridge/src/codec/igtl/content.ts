import { NavError } from '@trocar/core';
import {
  type BindContent,
  type BindRequestContent,
  decodeBind,
  decodeBindRequest,
  encodeBind,
  encodeBindRequest,
} from './bind.js';
import { type CapabilityContent, decodeCapability, encodeCapability } from './capability.js';
import { type ColourTableContent, decodeColourTable, encodeColourTable } from './colour-table.js';
import { type CommandContent, decodeCommand, encodeCommand } from './command.js';
import { decodeImage, encodeImage, type ImageContent } from './image.js';
import { decodeImageMeta, encodeImageMeta, type ImageMetaContent } from './image-meta.js';
import { decodeLabelMeta, encodeLabelMeta, type LabelMetaContent } from './label-meta.js';
import { decodeNdArray, encodeNdArray, type NdArrayContent } from './ndarray.js';
import { decodePoint, encodePoint, type PointContent } from './point.js';
import { decodePolyData, encodePolyData, type PolyDataContent } from './polydata.js';
import { decodePosition, encodePosition, type PositionContent } from './position.js';
import {
  decodeQuery,
  decodeReply,
  decodeStartTracking,
  encodeQuery,
  encodeReply,
  encodeStartTracking,
  type QueryContent,
  type ReplyContent,
  type StartTrackingContent,
} from './query.js';
import type { ContentReader } from './reader.js';
import { decodeSensor, encodeSensor, type SensorContent } from './sensor.js';
import { decodeStatus, encodeStatus, type StatusContent } from './status.js';
import { decodeString, encodeString, type StringContent } from './string.js';
import { decodeTrackedFrame, encodeTrackedFrame, type TrackedFrameContent } from './tracked-frame.js';
import {
  decodeQuaternionTrackingData,
  decodeTrackingData,
  encodeQuaternionTrackingData,
  encodeTrackingData,
  type QuaternionTrackingDataContent,
  type TrackingDataContent,
} from './tracking-data.js';
import { decodeTrajectory, encodeTrajectory, type TrajectoryContent } from './trajectory.js';
import { decodeTransform, encodeTransform, type TransformContent } from './transform.js';
import { decodeVideoMeta, encodeVideoMeta, type VideoMetaContent } from './video-meta.js';
import type { IgtlStorage } from './writer.js';

/** A type that this codec does not know, VIDEO among them: its bytes as they are. */
export interface RawContent {
  readonly kind: 'raw';
  readonly bytes: Uint8Array;
}

/** What a message says, by `kind`. */
export type IgtlContent =
  | BindContent<IgtlContent>
  | BindRequestContent
  | CapabilityContent
  | ColourTableContent
  | CommandContent
  | ImageContent
  | ImageMetaContent
  | LabelMetaContent
  | NdArrayContent
  | PointContent
  | PolyDataContent
  | PositionContent
  | QuaternionTrackingDataContent
  | QueryContent
  | RawContent
  | ReplyContent
  | SensorContent
  | StartTrackingContent
  | StatusContent
  | StringContent
  | TrackedFrameContent
  | TrackingDataContent
  | TrajectoryContent
  | TransformContent
  | VideoMetaContent;

type Kind = IgtlContent['kind'];
type Of<K extends Kind> = Extract<IgtlContent, { readonly kind: K }>;

/** Reads and writes one kind of content. */
interface ContentCodec<K extends Kind> {
  decode(r: ContentReader): Of<K>;
  encode(w: IgtlStorage, content: Of<K>): void;
}

const CODECS: { readonly [K in Kind]: ContentCodec<K> } = {
  bind: { decode: (r) => decodeBind(r, decodeChild), encode: (w, c) => encodeBind(w, c, encodeContent) },
  bindRequest: { decode: decodeBindRequest, encode: encodeBindRequest },
  capability: { decode: decodeCapability, encode: encodeCapability },
  colourTable: { decode: decodeColourTable, encode: encodeColourTable },
  command: { decode: decodeCommand, encode: encodeCommand },
  image: { decode: decodeImage, encode: encodeImage },
  imageMeta: { decode: decodeImageMeta, encode: encodeImageMeta },
  labelMeta: { decode: decodeLabelMeta, encode: encodeLabelMeta },
  ndarray: { decode: decodeNdArray, encode: encodeNdArray },
  point: { decode: decodePoint, encode: encodePoint },
  polydata: { decode: decodePolyData, encode: encodePolyData },
  position: { decode: decodePosition, encode: encodePosition },
  quaternionTrackingData: { decode: decodeQuaternionTrackingData, encode: encodeQuaternionTrackingData },
  query: { decode: decodeQuery, encode: encodeQuery },
  raw: { decode: decodeRaw, encode: (w, c) => w.put(c.bytes) },
  reply: { decode: decodeReply, encode: encodeReply },
  sensor: { decode: decodeSensor, encode: encodeSensor },
  startTracking: { decode: decodeStartTracking, encode: encodeStartTracking },
  status: { decode: decodeStatus, encode: encodeStatus },
  string: { decode: decodeString, encode: encodeString },
  trackedFrame: { decode: decodeTrackedFrame, encode: encodeTrackedFrame },
  trackingData: { decode: decodeTrackingData, encode: encodeTrackingData },
  trajectory: { decode: decodeTrajectory, encode: encodeTrajectory },
  transform: { decode: decodeTransform, encode: encodeTransform },
  videoMeta: { decode: decodeVideoMeta, encode: encodeVideoMeta },
};

/** The kinds of the types that mean one thing; the queries follow from their first four letters. */
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['BIND', 'bind'],
  ['GET_BIND', 'bindRequest'],
  ['STT_BIND', 'bindRequest'],
  ['CAPABILITY', 'capability'],
  ['COLORT', 'colourTable'],
  ['COLORTABLE', 'colourTable'],
  ['COMMAND', 'command'],
  ['RTS_COMMAND', 'command'],
  ['IMAGE', 'image'],
  ['IMGMETA', 'imageMeta'],
  ['LBMETA', 'labelMeta'],
  ['NDARRAY', 'ndarray'],
  ['POINT', 'point'],
  ['POLYDATA', 'polydata'],
  ['POSITION', 'position'],
  ['QTRANS', 'position'],
  ['QTDATA', 'quaternionTrackingData'],
  ['SENSOR', 'sensor'],
  ['STT_TDATA', 'startTracking'],
  ['STT_QTDATA', 'startTracking'],
  ['STATUS', 'status'],
  ['STRING', 'string'],
  ['TDATA', 'trackingData'],
  ['TRACKEDFRAME', 'trackedFrame'],
  ['TRAJ', 'trajectory'],
  ['TRANSFORM', 'transform'],
  ['VIDEOMETA', 'videoMeta'],
] as const);

function kindOf(type: string): Kind {
  const known = KINDS.get(type);
  if (known !== undefined) return known;
  if (/^(?:GET|STT|STP)_/.test(type)) return 'query';
  return type.startsWith('RTS_') ? 'reply' : 'raw';
}

/** The answers that the protocol has, under the names that are in use; all but RTS_COMMAND are one byte. */
const ANSWERS: ReadonlySet<string> = new Set(
  (
    'BIND CAPABIL COLORT COMMAND IMAGE IMGMETA LBMETA NDARRAY POINT POLYDATA POSITION QTDATA QTRANS SENSOR STATUS STRING ' +
    'TDATA TRAJ TRANS TRANSFOR TRANSFORM VIDEO VIDEOMETA'
  )
    .split(' ')
    .map((target) => `RTS_${target}`),
);

/** Kinds of content that are mostly one array of numbers or bytes. */
const ARRAYS: ReadonlySet<Kind> = new Set<Kind>(['colourTable', 'image', 'ndarray', 'polydata', 'query', 'raw', 'trackedFrame']);

/** Whether content of this type is a list of things or a text, each an object of its own once it is decoded. */
export function isListed(type: string): boolean {
  return !ARRAYS.has(kindOf(type));
}

/** @throws NavError `igtl/wrong-size`, `igtl/size-mismatch`, `igtl/bad-value` */
export function decodeContent(r: ContentReader): IgtlContent {
  // An answer that the protocol does not have may be anything.
  if (r.type.startsWith('RTS_') && r.left !== 1 && !ANSWERS.has(r.type)) return decodeRaw(r);
  return CODECS[kindOf(r.type)].decode(r);
}

/** A message within a BIND; another BIND is not looked into, so that nothing nests without end. */
function decodeChild(r: ContentReader): IgtlContent {
  return r.type === 'BIND' ? decodeRaw(r) : decodeContent(r);
}

function decodeRaw(r: ContentReader): RawContent {
  return { kind: 'raw', bytes: r.take(r.left) };
}

/**
 * @param type of the message; raw content goes with any
 * @throws NavError `igtl/bad-value` where content of this kind does not go with the type; `igtl/does-not-fit`
 */
export function encodeContent(w: IgtlStorage, type: string, content: IgtlContent): void {
  if (content.kind !== 'raw' && kindOf(type) !== content.kind) {
    throw new NavError('igtl/bad-value', `Content of kind ${content.kind} does not go into a ${type} message.`, {
      detail: { type, kind: content.kind },
    });
  }
  encodeWith(CODECS[content.kind], w, content);
}

/** The codec is looked up by the content's own kind, which the compiler cannot follow through the table. */
function encodeWith(codec: { encode(w: IgtlStorage, content: never): void }, w: IgtlStorage, content: IgtlContent): void {
  codec.encode(w, content as never);
}
