import type { ClipFan } from '../clip.js';

/** How PLUS looks for the angles of a fan in each image. */
export interface PlusFanDetection {
  /** Grey level from which a pixel is lit: PLUS's FanAnglesAutoDetectBrightnessThreshold. Default 30. */
  readonly brightness?: number;
  /** Half the width of the stretch of pixels of which half must be lit: FanAnglesAutoDetectFilterRadiusPixel. Default 10. */
  readonly filterRadiusPx?: number;
}

/** Arcs on which light is looked for: shares of the way from the inner radius to the outer one. */
const DEPTHS = [0.15, 0.3, 0.5, 0.7];
/** The fan that is pasted is narrower than what is lit by this on either side, degrees. */
const MARGIN_DEG = 3;

/**
 * The part of a fan that one image fills, to the rules of PLUS (IGSIO's fan angle detector): along each of four arcs, pixel by pixel from its left, a stretch begins where half of the pixels
 * of the running window are lit and ends where no more than half are; of each arc the widest stretch counts, of the arcs the widest. It is narrowed by 3° on either side.
 * @param pixels grey values, row by row
 * @param fan as far as it may reach
 * @returns the fan of this image; undefined where nothing of it is lit, and PLUS leaves the image out
 */
export function detectPlusFan(
  pixels: Uint8Array,
  size: readonly [number, number],
  fan: ClipFan,
  { brightness = 30, filterRadiusPx = 10 }: PlusFanDetection = {},
): ClipFan | undefined {
  const [from, to] = fan.anglesDeg.map((degrees) => (degrees * Math.PI) / 180) as [number, number];
  let [left, right] = [0, 0];
  DEPTHS.forEach((depth, n) => {
    const radius = fan.radii[0] + (fan.radii[1] - fan.radii[0]) * depth;
    const own = widestLit(arcOf(pixels, size, fan, radius, [from, to]), to, brightness, 2 * filterRadiusPx);
    if (n === 0 || own[1] - own[0] > right - left) [left, right] = own;
  });
  if (left === 0 && right === 0) return undefined;
  const anglesDeg = [
    Math.max(fan.anglesDeg[0], (left * 180) / Math.PI + MARGIN_DEG),
    Math.min(fan.anglesDeg[1], (right * 180) / Math.PI - MARGIN_DEG),
  ] as const;
  // Sides that have passed each other enclose no pixel.
  return anglesDeg[0] < anglesDeg[1] ? { ...fan, anglesDeg } : undefined;
}

/** Angles and grey values along an arc, a pixel apart, where it lies in the image. */
interface Arc {
  readonly angles: readonly number[];
  readonly values: readonly number[];
}

function arcOf(
  pixels: Uint8Array,
  [columns, rows]: readonly [number, number],
  { apex }: ClipFan,
  radius: number,
  [from, to]: readonly [number, number],
): Arc {
  const [x, y] = [Math.trunc(apex[0]), Math.trunc(apex[1])];
  const step = 1 / radius;
  const [angles, values]: [number[], number[]] = [[], []];
  for (let n = 0; n < Math.trunc((to - from) / step); n += 1) {
    const angle = from + n * step;
    const [u, v] = [rounded(x + radius * Math.sin(angle)), rounded(y + radius * Math.cos(angle))];
    if (u < 0 || u >= columns || v < 0 || v >= rows) continue;
    angles.push(angle);
    values.push(pixels[v * columns + u] as number);
  }
  return { angles, values };
}

const rounded = (x: number): number => Math.trunc(x + (x >= 0 ? 0.5 : -0.5));

/** The widest stretch of an arc that is lit; 0 and 0 for none. One that does not end reaches to the fan's side. */
function widestLit({ angles, values }: Arc, end: number, brightness: number, window: number): [number, number] {
  let widest: [number, number] = [0, 0];
  let begun: number | undefined;
  const close = (at: number): void => {
    if (begun !== undefined && at - begun > widest[1] - widest[0]) widest = [begun, at];
    begun = undefined;
  };
  for (let j = window; j < values.length; j += 1) {
    let lit = 0;
    for (let k = j - window; k < j; k += 1) if ((values[k] as number) >= brightness) lit += 1;
    if (begun === undefined && lit >= window / 2) begun = angles[j - window];
    else if (begun !== undefined && lit <= window / 2) close(angles[j - 1] as number);
  }
  close(end);
  return widest;
}
