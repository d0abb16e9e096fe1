/** A body that echoes otherwise than what is around it, in the tracker's frame, mm. */
export type EchoBody =
  | {
      readonly kind: 'sphere';
      readonly centre: readonly [number, number, number];
      readonly radiusMm: number;
      readonly echoDb: number;
    }
  | {
      readonly kind: 'tube';
      readonly from: readonly [number, number, number];
      readonly to: readonly [number, number, number];
      readonly radiusMm: number;
      readonly echoDb: number;
    };

/** What a simulated probe looks at: known to the last millimetre. */
export interface EchoScene {
  /** Bodies in bodies: where two overlap, the later one counts. */
  readonly bodies: readonly EchoBody[];
  /** Echo of everything else, dB above black; the bodies' are on the same scale, which goes to white at 60. Default 30. */
  readonly backgroundDb?: number;
  /** Of the scatterers. Default 1. */
  readonly seed?: number;
}

/**
 * A box of tissue around a place of the tracker: two vessels, a lesion, a cyst, and three wires across, whose crossings with an image say where the
 * image is.
 */
export function usualScene([x, y, z]: readonly [number, number, number]): EchoScene {
  const at = (dx: number, dy: number, dz: number): [number, number, number] => [x + dx, y + dy, z + dz];
  return {
    bodies: [
      { kind: 'tube', from: at(-80, -30, 40), to: at(60, 30, 60), radiusMm: 5, echoDb: 8 },
      { kind: 'tube', from: at(-20, -80, 75), to: at(20, 80, 65), radiusMm: 3, echoDb: 10 },
      { kind: 'sphere', centre: at(18, 4, 45), radiusMm: 9, echoDb: 40 },
      { kind: 'sphere', centre: at(-25, -6, 80), radiusMm: 7, echoDb: 4 },
      { kind: 'tube', from: at(-40, -60, 30), to: at(-40, 60, 30), radiusMm: 0.7, echoDb: 60 },
      { kind: 'tube', from: at(-40, -60, 30), to: at(0, 60, 30), radiusMm: 0.7, echoDb: 60 },
      { kind: 'tube', from: at(0, -60, 30), to: at(0, 60, 30), radiusMm: 0.7, echoDb: 60 },
    ],
  };
}

/**
 * Where a beam enters and leaves a body, mm along it, into `out`; false where it misses.
 * @param origin, direction of the beam; the direction of unit length
 */
export function crossing(body: EchoBody, origin: Float64Array, direction: Float64Array, out: Float64Array): boolean {
  return body.kind === 'sphere' ? throughSphere(body, origin, direction, out) : throughTube(body, origin, direction, out);
}

function roots(a: number, b: number, c: number, out: Float64Array): boolean {
  const d = b * b - a * c;
  if (!(d > 0) || a < 1e-12) return false;
  const root = Math.sqrt(d);
  out[0] = (-b - root) / a;
  out[1] = (-b + root) / a;
  return true;
}

function throughSphere(
  { centre, radiusMm }: EchoBody & { readonly kind: 'sphere' },
  o: Float64Array,
  d: Float64Array,
  out: Float64Array,
): boolean {
  let b = 0;
  let c = -radiusMm * radiusMm;
  for (let k = 0; k < 3; k += 1) {
    const w = (o[k] as number) - (centre[k] as number);
    b += w * (d[k] as number);
    c += w * w;
  }
  return roots(1, b, c, out);
}

/** An infinite cylinder, cut between two planes at its ends. */
function throughTube(
  { from, to, radiusMm }: EchoBody & { readonly kind: 'tube' },
  o: Float64Array,
  d: Float64Array,
  out: Float64Array,
): boolean {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
  let da = 0;
  let wa = 0;
  let ww = 0;
  let wd = 0;
  for (let k = 0; k < 3; k += 1) {
    const a = ((to[k] as number) - (from[k] as number)) / length;
    const w = (o[k] as number) - (from[k] as number);
    da += a * (d[k] as number);
    wa += a * w;
    ww += w * w;
    wd += w * (d[k] as number);
  }
  if (!roots(1 - da * da, wd - wa * da, ww - wa * wa - radiusMm * radiusMm, out)) return false;
  if (Math.abs(da) < 1e-12) return wa >= 0 && wa <= length;
  const [first, second] = [-wa / da, (length - wa) / da];
  out[0] = Math.max(out[0] as number, Math.min(first, second));
  out[1] = Math.min(out[1] as number, Math.max(first, second));
  return (out[0] as number) < (out[1] as number);
}
