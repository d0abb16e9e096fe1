import { describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { abdomenPhantom, headPhantom } from '../testing/index.js';
import { isosurface, type Mesh, type Volume, volume } from './index.js';

const CT = frame('ct');

/** A ball's signed distance (positive inside), sampled on a grid. */
function ballVolume(frameFromIndex: readonly number[], size: readonly [number, number, number], radius: number): Volume<'ct'> {
  const voxels = new Float32Array(size[0] * size[1] * size[2]);
  const m = frameFromIndex as number[];
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        const p = [0, 1, 2].map(
          (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
        );
        voxels[n] = radius - Math.hypot(...p);
      }
    }
  }
  return volume({ frame: CT, voxels, size, frameFromIndex });
}

/** Six times the enclosed volume's sixth: positive where the triangles look outwards. */
function enclosed({ positions: p, triangles }: Pick<Mesh<'ct'>, 'positions' | 'triangles'>): number {
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((n) => [0, 1, 2].map((k) => p[3 * (triangles[t + n] as number) + k] as number)) as [
      number[],
      number[],
      number[],
    ];
    const [ax, ay, az] = a as [number, number, number];
    const [bx, by, bz] = b as [number, number, number];
    const [cx, cy, cz] = c as [number, number, number];
    sum += (ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)) / 6;
  }
  return sum;
}

/** Edges that do not have exactly two triangles, one in each direction. */
function openEdges({ triangles }: Pick<Mesh<'ct'>, 'positions' | 'triangles'>): number {
  const seen = new Map<string, number>();
  for (let t = 0; t < triangles.length; t += 3) {
    for (let e = 0; e < 3; e += 1) {
      const a = triangles[t + e] as number;
      const b = triangles[t + ((e + 1) % 3)] as number;
      const key = a < b ? `${a} ${b}` : `${b} ${a}`;
      seen.set(key, (seen.get(key) ?? 0) + (a < b ? 1 : -1));
    }
  }
  return [...seen.values()].filter((n) => n !== 0).length;
}

const code = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
  return 'none';
};

describe('isosurface', () => {
  it.each([
    ['1 mm, straight', [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -29.6, -29.3, -29.8, 1], [60, 60, 60]],
    ['0.8 × 1.2 × 2.5 mm', [0.8, 0, 0, 0, 0, 1.2, 0, 0, 0, 0, 2.5, 0, -31.8, -29.9, -31, 1], [80, 50, 26]],
    ['mirrored along i', [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 29.6, -29.3, -29.8, 1], [60, 60, 60]],
    ['i, j, k along z, x, y', [0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, -29.3, -29.8, -29.6, 1], [60, 60, 60]],
  ] as const)('%s: a ball of 25 mm is where it should be, closed and outward', (_, m, size) => {
    const surface = isosurface(ballVolume(m, size, 25), 0);
    const p = surface.positions;
    let worst = 0;
    for (let v = 0; v < p.length; v += 3)
      worst = Math.max(worst, Math.abs(Math.hypot(p[v] as number, p[v + 1] as number, p[v + 2] as number) - 25));
    const spacing = Math.max(...[0, 4, 8].map((c) => Math.hypot(m[c] as number, m[c + 1] as number, m[c + 2] as number)));
    // The trilinear surface itself sinks into a ball by spacing² / 8R.
    expect(worst).toBeLessThan((2.2 * spacing ** 2) / (8 * 25));
    expect(openEdges(surface)).toBe(0);
    const truth = (4 / 3) * Math.PI * 25 ** 3;
    expect(enclosed(surface) / truth).toBeGreaterThan(0.97);
    expect(enclosed(surface) / truth).toBeLessThan(1.005);
  });

  it('turns outwards for a dark body too, and in a mirrored phantom', () => {
    const straight = ballVolume([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -14.6, -14.3, -14.8, 1], [30, 30, 30], 10);
    const { frame: of, size, frameFromIndex } = straight;
    const dark = volume({ frame: of, size, frameFromIndex, voxels: Float32Array.from(straight.voxels, (v) => -v) });
    expect(enclosed(isosurface(dark, 0, { inside: 'below' }))).toBeGreaterThan(3900);
    expect(enclosed(isosurface(dark, 0))).toBeLessThan(0);
    const mirrored = headPhantom({ spacingMm: 4, axes: 'RPS' });
    expect(enclosed(isosurface(mirrored.volume, -500, { outerOnly: true, largestOnly: true }))).toBeGreaterThan(3e6);
  });

  it('outerOnly leaves out the sinuses, largestOnly the specks: the head is its skin, to 0.5 mm rms at 2 mm voxels', () => {
    const head = headPhantom({ spacingMm: 2, obliqueRad: [0.1, -0.2, 0.05] });
    const all = isosurface(head.volume, -480);
    const skin = isosurface(head.volume, -480, { outerOnly: true, largestOnly: true });
    expect(skin.triangles.length).toBeLessThan(all.triangles.length);
    let squares = 0;
    let count = 0;
    for (let v = 0; v < skin.positions.length; v += 9) {
      const [x, y, z] = [...skin.positions.subarray(v, v + 3)] as [number, number, number];
      // Away from the markers, which are part of the surface.
      if (
        head.fiducials.some((f) => Math.hypot((f.xyz[0] as number) - x, (f.xyz[1] as number) - y, (f.xyz[2] as number) - z) < 9)
      )
        continue;
      squares += head.signedDistance('skin', x, y, z) ** 2;
      count += 1;
    }
    expect(Math.sqrt(squares / count)).toBeLessThan(0.5);
  });

  it('is open where the volume ends within the body', () => {
    const trunk = isosurface(abdomenPhantom({ spacingMm: 4 }).volume, -500, { outerOnly: true, largestOnly: true });
    expect(openEdges(trunk)).toBeGreaterThan(100);
  });

  it('refuses a sheared volume, a level nothing crosses and a level that is no number', () => {
    expect(code(() => isosurface(headPhantom({ spacingMm: 6, tiltDegrees: 15 }).volume, -500))).toBe('volume/sheared');
    expect(code(() => isosurface(headPhantom({ spacingMm: 8 }).volume, 9000))).toBe('mesh/empty');
    expect(code(() => isosurface(headPhantom({ spacingMm: 8 }).volume, Number.NaN))).toBe('math/not-finite');
  });
});
