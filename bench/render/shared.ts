import { frame } from '@trocar/core';
import { type Volume, volume } from '@trocar/core/volume';

/** The frame of the scanned volume: LPS, mm. */
export const SCAN = frame('scan');

/** The three slices, where they lie on the canvas, in halves of it from the upper left corner. The lower right stays empty. */
export const CELLS = [
  { view: 'axial', x: 0, y: 0 },
  { view: 'coronal', x: 0.5, y: 0 },
  { view: 'sagittal', x: 0, y: 0.5 },
] as const;

/** Voxels and where they lie. */
export interface Data {
  /** The uncompressed NIfTI-1 file. */
  readonly bytes: ArrayBuffer;
  /** Values drawn from black to white. */
  readonly window: { readonly low: number; readonly high: number };
}

/** What a library has made of the data: ready to draw. */
export interface Shown {
  readonly gl: WebGL2RenderingContext;
  /** Draws the three slices through a point, LPS mm. */
  draw(tip: readonly number[]): void;
  /**
   * The point, LPS mm, whose value the picture shows at a position on the canvas, px from its upper left corner; undefined where
   * the library shows none. As last drawn.
   */
  under(x: number, y: number): readonly number[] | undefined;
  /** Whether all of the data is on the GPU; left out: since the first picture. */
  readonly arrived?: () => boolean;
}

/** A library, as a page of this benchmark uses it. */
export interface Contender {
  /** Whether it cuts the values off at the window's ends before it interpolates: its pictures are held against that. */
  readonly windowFirst: boolean;
  /** From the data to the first picture: the three slices through the middle of the volume. */
  open(view: HTMLElement, data: Data): Promise<Shown>;
}

/** A NIfTI-1 file of one 3D volume, its voxels not copied: 8 and 16 bit, little-endian, placed by its sform. */
export function decode({ bytes }: Pick<Data, 'bytes'>): Volume<'scan'> {
  const head = new DataView(bytes);
  const size = [42, 44, 46].map((at) => head.getInt16(at, true)) as [number, number, number];
  const type = head.getInt16(70, true);
  const offset = head.getFloat32(108, true);
  const length = size[0] * size[1] * size[2];
  if (head.getInt32(0, true) !== 348 || head.getInt16(254, true) <= 0) throw new Error('Not a NIfTI-1 file with an sform.');
  const voxels = type === 2 ? new Uint8Array(bytes, offset, length) : new Int16Array(bytes, offset, length);
  if (type !== 2 && type !== 4) throw new Error(`Voxels of NIfTI type ${type}: this benchmark reads uint8 and int16.`);
  const slope = head.getFloat32(112, true);
  if (slope !== 0 && (slope !== 1 || head.getFloat32(116, true) !== 0)) throw new Error('The benchmark reads no rescaled files.');
  const frameFromIndex = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) {
    // RAS to LPS.
    for (let c = 0; c < 4; c += 1) frameFromIndex[4 * c + r] = (r < 2 ? -1 : 1) * head.getFloat32(280 + 16 * r + 4 * c, true);
  }
  frameFromIndex[15] = 1;
  return volume({ frame: SCAN, size, frameFromIndex, voxels });
}

/** Lowest and highest corner of the volume's box, edges of voxels included, LPS mm. */
export function boxOf(v: Volume<'scan'>): { readonly low: readonly number[]; readonly high: readonly number[] } {
  const m = v.frameFromIndex;
  const ends = [0, 1, 2].map((r) => {
    const reach = [0, 1, 2].map((c) => ((m[4 * c + r] as number) * (v.size[c] as number)) / 2);
    const middle = [0, 1, 2].reduce(
      (s, c) => s + ((m[4 * c + r] as number) * ((v.size[c] as number) - 1)) / 2,
      m[12 + r] as number,
    );
    const half = reach.reduce((s, x) => s + Math.abs(x), 0);
    return [middle - half, middle + half] as const;
  });
  return { low: ends.map((e) => e[0]), high: ends.map((e) => e[1]) };
}
