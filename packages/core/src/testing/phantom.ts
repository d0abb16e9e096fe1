import { NavError } from '../base/index.js';
import { type Frame, frame, type Point, point } from '../frames/index.js';
import { fromRotationVector, identity4, invertRigid, multiply4, rigidityError, transformPoint } from '../math/index.js';
import { type Volume, volume } from '../volume/index.js';
import { type Canvas, develop, paint } from './paint.js';
import { ball, type Solid } from './solid.js';

/** How a phantom is imaged, and in which frame. */
export interface PhantomOptions<F extends string = 'ct'> extends ImagingOptions {
  /** The frame its volume, points and truth are in. Default `ct`. */
  readonly frame?: Frame<F>;
}

/** How a phantom is imaged. Everything has a default; the same options give the same bytes on every machine. */
export interface ImagingOptions {
  /** Seed of the noise and of the bias field; the anatomy does not change with it. Default 1. */
  readonly seed?: number;
  /** CT numbers in HU, or a T1-like MR with a receive field and Rician noise. Default `ct`. */
  readonly contrast?: 'ct' | 'mr';
  /** Voxel edge, mm: one number, or one for each of i, j, k. Default 2, or what `size` makes of the field of view. */
  readonly spacingMm?: number | readonly [number, number, number];
  /** Voxels along i, j, k. Default: as many as the field of view needs. */
  readonly size?: readonly [number, number, number];
  /**
   * The patient direction in which each of i, j, k grows: one letter each of L/R, P/A and S/I, in any order. Default
   * `LPS`. `RPS`, say, is a grid that mirrors (determinant < 0).
   */
  readonly axes?: string;
  /** Turns the grid in the patient by this rotation vector, rad, after `axes`. Default none. */
  readonly obliqueRad?: readonly [number, number, number];
  /** Shears the grid as a tilted CT gantry does: slices shift along j by tan(tilt) of their step. Default 0. */
  readonly tiltDegrees?: number;
  /** Moves the body, with all its truth, in the frame: a rigid 4×4, column-major, mm. Default: at home. */
  readonly frameFromBody?: ArrayLike<number>;
  /** Standard deviation of the noise, stored units; 0 for none. Default 12 HU, or 15 of about 1000 in MR. */
  readonly noise?: number;
  /** Depth of the MR receive field: 0.2 is ±20 %. Default 0.2; CT has none. */
  readonly bias?: number;
  /** Frame of Reference UID of the volume. Default: one of the phantom's own. */
  readonly frameOfReferenceUid?: string;
}

/** A body imaged, with the truth it was imaged from. Every coordinate is in the phantom's frame, LPS mm. */
export interface Phantom<F extends string = 'ct'> {
  readonly volume: Volume<F>;
  /** Which part each voxel's centre lies in: indices into {@link labelNames}; i fastest, as the voxels. */
  readonly labels: Uint8Array;
  /** The names that {@link signedDistance} knows, `air` first; a later one lies over an earlier one. */
  readonly labelNames: readonly string[];
  /** Centres of the divots in the skin markers, which a pointer's tip touches. None has its mirror image among them. */
  readonly fiducials: readonly Point<F>[];
  /** Outward unit normals of the skin at the fiducials: where a pointer comes from. */
  readonly fiducialNormals: readonly (readonly [number, number, number])[];
  /** Things to hit, first the tumour's centre. */
  readonly targets: readonly Point<F>[];
  /** A point on the skin from which a straight way leads to `targets[0]` clear of vessels and ventricles. */
  readonly entry: Point<F>;
  /**
   * Signed distance to a part's outer surface, mm, negative inside. What is painted over a part does not count: the
   * distance to `skin` is that of the whole body. Exact outside; within a part made of several solids, no deeper than true.
   * @throws NavError `volume/bad-geometry` for a name not in {@link labelNames}
   */
  signedDistance(name: string, x: number, y: number, z: number): number;
  /** The label at a place: what is painted last there. */
  labelAt(x: number, y: number, z: number): number;
}

/** One part of a body. */
export interface Part {
  readonly name: string;
  readonly solid: Solid;
  readonly hu: number;
  readonly mr: number;
}

/** A body before it is imaged, in body coordinates (LPS mm). */
export interface Body {
  readonly name: string;
  /** In painting order: the skin first. Markers and their divots are added last. */
  readonly parts: readonly Part[];
  /** What the volume covers: min x, y, z, max x, y, z. */
  readonly field: readonly [number, number, number, number, number, number];
  /** Skin markers are set where rays from here in these directions leave the skin. */
  readonly centre: readonly [number, number, number];
  readonly markerDirections: readonly (readonly [number, number, number])[];
  readonly targets: readonly (readonly [number, number, number])[];
  /** The entry is where the ray from the first target in this direction leaves the skin. */
  readonly entryDirection: readonly [number, number, number];
  readonly frameOfReferenceUid: string;
}

const MARKER_RADIUS = 4;
const DIVOT_RADIUS = 1.5;

/**
 * Images a body.
 * @throws NavError `volume/bad-geometry` for options that make no grid
 */
export function image<F extends string>(body: Body, options: PhantomOptions<F>): Phantom<F> {
  const inFrame = options.frame ?? (frame('ct') as unknown as Frame<F>);
  const frameFromBody = checkedPlace(options.frameFromBody);
  const bodyFromFrame = invertRigid(new Float64Array(16), frameFromBody);
  const skin = (body.parts[0] as Part).solid;
  const markers = body.markerDirections.map((d) => skinAlong(skin, body.centre, d));
  const parts = [...body.parts, ...markerParts(markers)];
  const { size, frameFromIndex } = grid(body, options);
  const canvas: Canvas = {
    size,
    bodyFromIndex: multiply4(new Float64Array(16), bodyFromFrame, frameFromIndex),
    values: new Float32Array(size[0] * size[1] * size[2]),
    labels: new Uint8Array(size[0] * size[1] * size[2]),
  };
  const mr = options.contrast === 'mr';
  canvas.values.fill(mr ? 0 : -1000);
  parts.forEach((part, i) => {
    paint(canvas, { solid: part.solid, value: mr ? part.mr : part.hu, label: i + 1 });
  });
  const place = (p: ArrayLike<number>): Point<F> => point(inFrame, transformPoint(new Float64Array(3), frameFromBody, p));
  const normal = (n: readonly [number, number, number]): [number, number, number] =>
    [0, 1, 2].map((r) => [0, 1, 2].reduce((sum, c) => sum + (frameFromBody[4 * c + r] as number) * (n[c] as number), 0)) as [
      number,
      number,
      number,
    ];
  return {
    volume: volume({
      frame: inFrame,
      voxels: develop(canvas, noiseOf(options, mr)),
      size,
      frameFromIndex,
      rescale: { slope: 1, intercept: 0, ...(!mr && { unit: 'HU' }) },
      modality: mr ? 'MR' : 'CT',
      frameOfReferenceUid: options.frameOfReferenceUid ?? body.frameOfReferenceUid,
      patient: { name: `Phantom^${body.name}`, id: `TROCAR-${body.name.toUpperCase()}` },
      series: { description: `${body.name} phantom, ${mr ? 'T1-like MR' : 'CT'}` },
    }),
    labels: canvas.labels,
    fiducials: markers.map((m) => place(divotOf(m))),
    fiducialNormals: markers.map((m) => normal(m.normal)),
    targets: body.targets.map(place),
    entry: place(skinAlong(skin, body.targets[0] as readonly [number, number, number], body.entryDirection).at),
    ...oracle(parts, bodyFromFrame),
  };
}

function noiseOf(options: ImagingOptions, mr: boolean): Parameters<typeof develop>[1] {
  return {
    seed: options.seed ?? 1,
    sd: options.noise ?? (mr ? 15 : 12),
    kind: mr ? 'rician' : 'gaussian',
    bias: mr ? (options.bias ?? 0.2) : 0,
  };
}

function oracle(
  parts: readonly Part[],
  bodyFromFrame: Float64Array,
): Pick<Phantom<string>, 'labelNames' | 'signedDistance' | 'labelAt'> {
  const p = new Float64Array(3);
  const toBody = (x: number, y: number, z: number): void => {
    p[0] = x;
    p[1] = y;
    p[2] = z;
    transformPoint(p, bodyFromFrame, p);
  };
  const distance = (solid: Solid): number => solid.distance(p[0] as number, p[1] as number, p[2] as number);
  return {
    labelNames: ['air', ...parts.map((part) => part.name)],
    signedDistance: (name, x, y, z) => {
      const part = parts.find((candidate) => candidate.name === name);
      if (part === undefined) {
        const known = parts.map((candidate) => candidate.name).join(', ');
        throw new NavError('volume/bad-geometry', `The phantom has no part "${name}". It has: ${known}.`, { detail: { name } });
      }
      toBody(x, y, z);
      return distance(part.solid);
    },
    labelAt: (x, y, z) => {
      toBody(x, y, z);
      for (let i = parts.length; i > 0; i -= 1) if (distance((parts[i - 1] as Part).solid) <= 0) return i;
      return 0;
    },
  };
}

interface SkinPoint {
  readonly at: readonly [number, number, number];
  readonly normal: readonly [number, number, number];
}

/** Where the ray from a place inside leaves the skin for good, to a micrometre, and the skin's normal there. */
function skinAlong(skin: Solid, from: readonly [number, number, number], towards: readonly [number, number, number]): SkinPoint {
  const length = Math.hypot(...towards);
  const u = towards.map((v) => v / length) as [number, number, number];
  const along = (t: number): [number, number, number] => [from[0] + t * u[0], from[1] + t * u[1], from[2] + t * u[2]];
  let low = 0;
  for (let t = 0; t <= 400; t += 1) if (skin.distance(...along(t)) < 0) low = t;
  let high = low + 1;
  for (let i = 0; i < 30; i += 1) {
    const middle = (low + high) / 2;
    if (skin.distance(...along(middle)) < 0) low = middle;
    else high = middle;
  }
  const at = along(high);
  const h = 1e-4;
  const gradient = [0, 1, 2].map((k) => {
    const step = (s: number): number => skin.near(...(at.map((v, n) => (n === k ? v + s : v)) as [number, number, number]));
    return step(h) - step(-h);
  });
  const norm = Math.hypot(...gradient);
  return { at, normal: gradient.map((g) => g / norm) as [number, number, number] };
}

/** The divot's centre: the marker's outermost point. */
function divotOf(m: SkinPoint): [number, number, number] {
  return m.at.map((v, k) => v + MARKER_RADIUS * (m.normal[k] as number)) as [number, number, number];
}

/** Half-sunk balls on the skin, each with a hemispherical hollow in its top. */
function markerParts(markers: readonly SkinPoint[]): Part[] {
  return [
    ...markers.map((m, i) => ({ name: `marker ${i + 1}`, solid: ball(m.at, MARKER_RADIUS), hu: 600, mr: 900 })),
    ...markers.map((m, i) => ({ name: `divot ${i + 1}`, solid: ball(divotOf(m), DIVOT_RADIUS), hu: -1000, mr: 0 })),
  ];
}

function checkedPlace(given: ArrayLike<number> | undefined): Float64Array {
  const m = given === undefined ? identity4() : Float64Array.from(given);
  if (m.length !== 16 || !(rigidityError(m) < 1e-6)) {
    throw new NavError('volume/bad-geometry', 'frameFromBody of a phantom must be a rigid 4×4 matrix, column-major.');
  }
  return m;
}

function grid(body: Body, options: ImagingOptions): { size: [number, number, number]; frameFromIndex: Float64Array } {
  const directions = axesOf(options.axes ?? 'LPS');
  const extent = directions.map((d) => {
    const k = d.findIndex((v) => v !== 0);
    return (body.field[3 + k] as number) - (body.field[k] as number);
  });
  const given = options.spacingMm;
  const spacing = extent.map((e, a) => {
    if (typeof given === 'number') return given;
    return given?.[a] ?? (options.size ? e / (options.size[a] as number) : 2);
  });
  const size = options.size ?? extent.map((e, a) => Math.ceil(e / (spacing[a] as number) - 1e-9));
  if (![...spacing, ...size].every((v) => v > 0 && Number.isFinite(v))) {
    throw new NavError('volume/bad-geometry', `A phantom needs positive spacing and size, got ${spacing} mm and ${size}.`);
  }
  const m = identity4();
  const turn = fromRotationVector(new Float64Array(16), options.obliqueRad ?? [0, 0, 0]);
  directions.forEach((d, a) => {
    for (let r = 0; r < 3; r += 1) m[4 * a + r] = (d[r] as number) * (spacing[a] as number);
  });
  multiply4(m, turn, m);
  const shift = (Math.tan(((options.tiltDegrees ?? 0) * Math.PI) / 180) * (spacing[2] as number)) / (spacing[1] as number);
  for (let r = 0; r < 3; r += 1) m[8 + r] = (m[8 + r] as number) + shift * (m[4 + r] as number);
  for (let r = 0; r < 3; r += 1) {
    const middle = ((body.field[r] as number) + (body.field[3 + r] as number)) / 2;
    m[12 + r] = middle - [0, 1, 2].reduce((sum, a) => sum + ((m[4 * a + r] as number) * ((size[a] as number) - 1)) / 2, 0);
  }
  return { size: [...size] as [number, number, number], frameFromIndex: m };
}

/** Unit directions of i, j, k in LPS for a code such as `LPS` or `ASR`. */
function axesOf(code: string): [number, number, number][] {
  const directions = [...code].map((letter): [number, number, number] => {
    const at = 'LPSRAI'.indexOf(letter);
    const k = at % 3;
    const sign = at < 3 ? 1 : -1;
    return [k === 0 ? sign : 0, k === 1 ? sign : 0, k === 2 ? sign : 0];
  });
  const once = [0, 1, 2].every((k) => directions.filter((d) => d[k] !== 0).length === 1);
  if (code.length !== 3 || !/^[LRAPSI]{3}$/.test(code) || !once) {
    throw new NavError('volume/bad-geometry', `"${code}" names no axes: give one letter each of L/R, P/A and S/I, as in LPS.`);
  }
  return directions;
}
