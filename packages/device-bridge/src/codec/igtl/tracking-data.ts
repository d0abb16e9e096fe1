import type { ContentReader } from './reader.js';
import { putMatrix, takeMatrix } from './transform.js';
import type { IgtlStorage } from './writer.js';

/** Bytes per tool. */
export const TDATA_ELEMENT = 70;
export const QTDATA_ELEMENT = 50;

/** What the protocol calls a tool's type: 1 tracker, 2 six, 3 three, 4 five degrees of freedom. Others are kept as sent. */
export type ToolType = number;

/** One tool of TDATA. */
export interface TrackedMatrix {
  readonly name: string;
  readonly toolType: ToolType;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
  /** 16 doubles, column-major; mm. */
  readonly matrix: Float64Array;
}

/**
 * TDATA: the tools that the sender sees now. It carries no status, no time and no error of a single tool: a tool
 * that is not seen is left out.
 */
export interface TrackingDataContent {
  readonly kind: 'trackingData';
  readonly tools: readonly TrackedMatrix[];
}

/** One tool of QTDATA. */
export interface TrackedQuaternion {
  readonly name: string;
  readonly toolType: ToolType;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
  /** x y z in mm. */
  readonly position: Float64Array;
  /** x y z w. */
  readonly orientation: Float64Array;
}

/** QTDATA: as TDATA, with quaternions. */
export interface QuaternionTrackingDataContent {
  readonly kind: 'quaternionTrackingData';
  readonly tools: readonly TrackedQuaternion[];
}

export function decodeTrackingData(r: ContentReader): TrackingDataContent {
  const tools = Array.from({ length: r.elements(TDATA_ELEMENT) }, () => {
    const name = r.name(20);
    const toolType = r.u8();
    const reserved = r.reserved();
    return { name, toolType, ...reserved, matrix: takeMatrix(r) };
  });
  return { kind: 'trackingData', tools };
}

export function encodeTrackingData(w: IgtlStorage, content: TrackingDataContent): void {
  for (const tool of content.tools) {
    putTool(w, tool);
    putMatrix(w, tool.matrix);
  }
}

export function decodeQuaternionTrackingData(r: ContentReader): QuaternionTrackingDataContent {
  const tools = Array.from({ length: r.elements(QTDATA_ELEMENT) }, () => {
    const name = r.name(20);
    const toolType = r.u8();
    const reserved = r.reserved();
    return { name, toolType, ...reserved, position: r.f32s(3), orientation: r.f32s(4) };
  });
  return { kind: 'quaternionTrackingData', tools };
}

export function encodeQuaternionTrackingData(w: IgtlStorage, content: QuaternionTrackingDataContent): void {
  for (const tool of content.tools) {
    putTool(w, tool);
    w.f32s(tool.position, 3);
    w.f32s(tool.orientation, 4);
  }
}

function putTool(w: IgtlStorage, tool: Pick<TrackedMatrix, 'name' | 'toolType' | 'reserved'>): void {
  w.name(tool.name, 20);
  w.u8(tool.toolType);
  w.u8(tool.reserved ?? 0);
}
