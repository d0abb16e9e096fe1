import type { PoseBufferOptions } from '../frames/index.js';
import type { GuidanceLimits } from '../guidance/index.js';
import type { ExactValue } from './exact-json.js';
import { Fields } from './fields.js';

/** One tool of one device as a streamed edge of the graph. */
export interface StreamSetup {
  readonly device: string;
  /** The tool's name on that device. */
  readonly tool: string;
  /** The edge `to` from `from`, by the frames' names: `tracker` from `stylus`. */
  readonly to: string;
  readonly from: string;
  readonly options?: PoseBufferOptions;
}

/** One tip that is guided to the plan. */
export interface GuideSetup {
  readonly name: string;
  /** The frame of the tip, by name. */
  readonly tip: string;
  /** As in `DeviationOptions`. */
  readonly toolAxis?: readonly [number, number, number];
  readonly limits?: GuidanceLimits;
}

/** Everything about a guidance that does not change while it runs. */
export interface GuidanceSetup {
  readonly streams: readonly StreamSetup[];
  readonly guides: readonly GuideSetup[];
}

/** A setup as it was recorded. @throws NavError `session/unsupported` */
export function setupFrom(streams: readonly ExactValue[], guides: readonly ExactValue[]): GuidanceSetup {
  return { streams: streams.map(streamFrom), guides: guides.map(guideFrom) };
}

function streamFrom(value: ExactValue): StreamSetup {
  const f = new Fields(value, 'A recorded stream');
  const [device, tool, to, from] = ['device', 'tool', 'to', 'from'].map((key) => f.text(key)) as [string, string, string, string];
  // A pose buffer refuses options that it cannot use.
  const options = f.get('options') as PoseBufferOptions | undefined;
  f.end();
  return { device, tool, to, from, ...(options && { options }) };
}

function guideFrom(value: ExactValue): GuideSetup {
  const f = new Fields(value, 'A recorded guide');
  const toolAxis = f.optionalNumbers('toolAxis', 3) as GuideSetup['toolAxis'];
  const limits = f.get('limits') as GuidanceLimits | undefined;
  const guide = { name: f.text('name'), tip: f.text('tip'), ...(toolAxis && { toolAxis }), ...(limits && { limits }) };
  f.end();
  return guide;
}
