import { NavError } from '../base/index.js';

/** A rectangle of pixels: of the columns origin[0] … origin[0] + size[0] − 1, and the rows likewise. */
export interface ClipRectangle {
  readonly origin: readonly [number, number];
  readonly size: readonly [number, number];
}

/** The sector that a curved or phased probe shows, in pixels of the stored image (pixels taken as square). */
export interface ClipFan {
  /** Where its sides meet: column and row, mostly outside the image. */
  readonly apex: readonly [number, number];
  /** From straight down to its sides, degrees: left (negative) and right. */
  readonly anglesDeg: readonly [number, number];
  /** From the apex, in pixels: pixels nearer than the first and farther than the second are left out. */
  readonly radii: readonly [number, number];
}

/** What of each image is ultrasound; the rest (margins, text, what lies beside a sector) is left out. */
export interface ImageClip {
  readonly rectangle?: ClipRectangle;
  readonly fan?: ClipFan;
}

/**
 * For each row, two stretches of columns [from, to): `spans[4·row … 4·row+3]`. The second is empty but in rows that cross the inner
 * arc of a fan.
 */
export type RowSpans = Int32Array;

/**
 * The pixels, by their centres, that a clip leaves of images of a size.
 * @throws NavError `ultrasound/bad-clip` where it is nonsense or leaves nothing
 */
export function rowSpans(size: readonly [number, number], clip: ImageClip = {}): RowSpans {
  const [columns, rows] = size;
  requireClip(clip);
  const { origin, size: extent } = clip.rectangle ?? { origin: [0, 0], size };
  const left = Math.max(0, Math.ceil(origin[0]));
  const right = Math.min(columns, Math.ceil(origin[0] + extent[0]));
  const top = Math.max(0, Math.ceil(origin[1]));
  const bottom = Math.min(rows, Math.ceil(origin[1] + extent[1]));
  const spans = new Int32Array(4 * rows);
  for (let row = top; row < bottom; row += 1) {
    if (clip.fan === undefined) {
      spans[4 * row] = left;
      spans[4 * row + 1] = Math.max(left, right);
    } else fanRow(spans, row, left, right, clip.fan);
  }
  if (pixelsOfSpans(spans) === 0) {
    throw new NavError('ultrasound/bad-clip', `The clip leaves no pixel of images of ${columns} × ${rows} pixels.`);
  }
  return spans;
}

/** How many pixels the spans hold. */
export function pixelsOfSpans(spans: RowSpans): number {
  let pixels = 0;
  for (let n = 0; n < spans.length; n += 2) pixels += (spans[n + 1] as number) - (spans[n] as number);
  return pixels;
}

function fanRow(spans: RowSpans, row: number, left: number, right: number, fan: ClipFan): void {
  const y = row - fan.apex[1];
  if (y <= 0 || y > fan.radii[1]) return;
  const tan = fan.anglesDeg.map((degrees) => Math.tan((degrees * Math.PI) / 180)) as [number, number];
  const outer = Math.sqrt(fan.radii[1] ** 2 - y * y);
  const from = Math.max(left, Math.ceil(fan.apex[0] + Math.max(y * tan[0], -outer)));
  const to = Math.min(right, Math.floor(fan.apex[0] + Math.min(y * tan[1], outer)) + 1);
  if (from >= to) return;
  const innerSquared = fan.radii[0] ** 2 - y * y;
  if (innerSquared <= 0) {
    spans.set([from, to], 4 * row);
    return;
  }
  const inner = Math.sqrt(innerSquared);
  const gapFrom = Math.floor(fan.apex[0] - inner) + 1;
  const gapTo = Math.ceil(fan.apex[0] + inner);
  spans.set([from, Math.max(from, Math.min(to, gapFrom))], 4 * row);
  const second = Math.min(to, Math.max(from, gapTo));
  spans.set([second, to], 4 * row + 2);
}

function requireClip({ rectangle, fan }: ImageClip): void {
  const finite = (values: readonly number[]): boolean => values.every((x) => Number.isFinite(x));
  if (rectangle !== undefined && !(finite([...rectangle.origin, ...rectangle.size]) && Math.min(...rectangle.size) >= 1)) {
    throw new NavError('ultrasound/bad-clip', 'A clip rectangle needs a finite origin and a size of at least one pixel.');
  }
  if (fan === undefined) return;
  const [left, right] = fan.anglesDeg;
  const good = finite([...fan.apex, left, right, ...fan.radii]) && left > -90 && right < 90 && left < right;
  if (!good || !(fan.radii[0] >= 0 && fan.radii[1] > fan.radii[0])) {
    throw new NavError('ultrasound/bad-clip', 'A fan needs angles within ±90°, left before right, and radii 0 ≤ inner < outer.');
  }
}
