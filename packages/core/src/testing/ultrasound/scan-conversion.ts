import type { BModeGeometry } from './b-mode-geometry.js';
import type { Beams } from './point-spread.js';

/** For each pixel of the sector where it is read: its number, the first of four samples, and how far beyond. */
export interface ScanConversion {
  readonly pixels: Int32Array;
  readonly from: Int32Array;
  readonly across: Float32Array;
  readonly along: Float32Array;
  readonly samples: number;
}

/** Which samples make which pixels. @param apex the sector's, column and row */
export function scanConversion(g: BModeGeometry, [u0, v0]: readonly [number, number], beams: Beams): ScanConversion {
  const [pixels, from, across, along]: number[][] = [[], [], [], []];
  for (let row = 0; row < g.rows; row += 1) {
    for (let column = 0; column < g.columns; column += 1) {
      const [x, z] = [g.pixelMm * (column - u0), g.pixelMm * (row - v0)];
      const [angle, r] = [Math.atan2(x, z), Math.hypot(x, z)];
      if (Math.abs(angle) > g.halfAngle || r < g.startMm || r > g.startMm + g.depthMm) continue;
      const line = Math.min(beams.lines - 1.001, ((angle / g.halfAngle + 1) * (beams.lines - 1)) / 2);
      const sample = Math.min(beams.samples - 1.001, (r - g.startMm) / beams.stepMm);
      pixels?.push(row * g.columns + column);
      from?.push(Math.floor(line) * beams.samples + Math.floor(sample));
      across?.push(line % 1);
      along?.push(sample % 1);
    }
  }
  return {
    pixels: Int32Array.from(pixels ?? []),
    from: Int32Array.from(from ?? []),
    across: Float32Array.from(across ?? []),
    along: Float32Array.from(along ?? []),
    samples: beams.samples,
  };
}

/** Grey values by line and sample, drawn into pixels: 0 beside the sector. */
export function drawn(grey: Float32Array, to: ScanConversion, { columns, rows }: BModeGeometry): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(columns * rows);
  const { pixels, from, across, along, samples } = to;
  for (let n = 0; n < pixels.length; n += 1) {
    const k = from[n] as number;
    const [f, g] = [along[n] as number, across[n] as number];
    const near = (grey[k] as number) + f * ((grey[k + 1] as number) - (grey[k] as number));
    const far = (grey[k + samples] as number) + f * ((grey[k + samples + 1] as number) - (grey[k + samples] as number));
    out[pixels[n] as number] = near + g * (far - near) + 0.5;
  }
  return out;
}
