import type { ContentReader } from './reader.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/** SENSOR: at most 255 readings of one unit. */
export interface SensorContent {
  readonly kind: 'sensor';
  readonly status: number;
  /** The protocol's 64 bits of prefix, base units and exponents. */
  readonly unit: bigint;
  readonly values: Float64Array;
}

/** @throws NavError `igtl/size-mismatch` */
export function decodeSensor(r: ContentReader): SensorContent {
  const n = r.u8();
  const status = r.u8();
  const unit = r.u64();
  if (r.left !== 8 * n) throw r.mismatch('bytes of readings', 8 * n, r.left);
  return { kind: 'sensor', status, unit, values: Float64Array.from({ length: n }, () => r.f64()) };
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeSensor(w: IgtlStorage, content: SensorContent): void {
  if (content.values.length > 255) throw doesNotFit(`${content.values.length} readings; at most 255 go into one message.`);
  w.u8(content.values.length);
  w.u8(content.status);
  w.u64(content.unit);
  for (const value of content.values) w.f64(value);
}
