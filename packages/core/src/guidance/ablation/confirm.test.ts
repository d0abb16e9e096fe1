import { describe, expect, it } from 'vitest';
import { frame, transform } from '../../frames/index.js';
import { fromRotationVector, transformPoint } from '../../math/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { type Mesh, mesh, volume } from '../../volume/index.js';
import { confirmAblation } from './confirm.js';
import { ablationTarget, labelTarget } from './target.js';

const [PRE, POST] = [frame('pre'), frame('post')];
const CENTRE = [20, -30, 40];
const target = ablationTarget(ellipsoidMesh(PRE, CENTRE, [9, 9, 9], 16));
const matrix = fromRotationVector(new Float64Array(16), [0.2, -0.4, 0.1]);
matrix.set([5, -70, 12], 12);
const covariance = Float64Array.from({ length: 36 }, (_, n) => (n % 7 === 0 ? (n < 21 ? 0.6 : 1e-5) : 0));
const preFromPost = transform(PRE, POST, matrix, { covariance, degreesOfFreedom: 12 });
const postFromPre = (p: ArrayLike<number>): Float64Array => {
  const back = Float64Array.from(p, (v, k) => v - (matrix[12 + k] as number));
  return Float64Array.from([0, 1, 2], (c) =>
    [0, 1, 2].reduce((sum, k) => sum + (matrix[4 * c + k] as number) * (back[k] as number), 0),
  );
};

/** A ball about the tumour as it is seen after: its surface in the frame of the images after. */
function necrosis(radius: number, offset = 0): Mesh<'post'> {
  const before = ellipsoidMesh(
    PRE,
    [(CENTRE[0] as number) + offset, CENTRE[1] as number, CENTRE[2] as number],
    [radius, radius, radius],
    24,
  );
  const positions = Float64Array.from(before.positions);
  for (let n = 0; n < positions.length; n += 3) positions.set(postFromPre(positions.subarray(n, n + 3)), n);
  return mesh({ frame: POST, positions, triangles: before.triangles });
}

describe('an ablation confirmed on images after it', () => {
  it('has the margins of the registered necrosis, and a probability that falls with the margin', () => {
    const { map, complete, withMargin } = confirmAblation({ target, necrosis: necrosis(16, 2), preFromPost, shifts: 3 });
    expect(Math.abs(map.minimalMarginMm - 5)).toBeLessThan(0.1);
    expect(Math.abs(Math.max(...map.marginsMm) - 9)).toBeLessThan(0.1);
    expect(map.frame.name).toBe('pre');
    expect(complete?.probability).toBeGreaterThan(0.999);
    expect(withMargin?.marginMm).toBe(5);
    expect(withMargin?.probability).toBeGreaterThan(0.2);
    expect(withMargin?.probability).toBeLessThan(0.6);
  });

  it('from an oblique, mirrored label map is that of the body it was drawn from, to half a voxel', () => {
    const size = [38, 42, 34] as const;
    const voxels = new Uint8Array(size[0] * size[1] * size[2]);
    // Columns that mirror (−i) and turn.
    const turn = fromRotationVector(new Float64Array(16), [0.1, 0.2, 0.3]);
    const frameFromIndex = Float64Array.from(turn);
    [-0.9, 0.8, 1].forEach((s, c) => {
      for (let k = 0; k < 3; k += 1) frameFromIndex[4 * c + k] = s * (turn[4 * c + k] as number);
    });
    const middle = transformPoint(
      new Float64Array(3),
      frameFromIndex,
      size.map((v) => v / 2),
    );
    const at = postFromPre(CENTRE);
    for (let k = 0; k < 3; k += 1) frameFromIndex[12 + k] = (at[k] as number) - (middle[k] as number);
    for (let n = 0; n < voxels.length; n += 1) {
      const p = transformPoint(new Float64Array(3), frameFromIndex, [
        n % size[0],
        Math.floor(n / size[0]) % size[1],
        Math.floor(n / size[0] / size[1]),
      ]);
      if (Math.hypot(...p.map((v, k) => v - (at[k] as number))) < 13) voxels[n] = 7;
    }
    const labels = volume({ frame: POST, voxels, size, frameFromIndex });
    const { map } = confirmAblation({ target, necrosis: { labels, label: 7 }, preFromPost, shifts: 2 });
    expect(Math.abs(map.minimalMarginMm - 4)).toBeLessThan(0.6);
    // What is nearest of a stepped surface are its steps' inner edges.
    const mean = map.marginsMm.reduce((a, b) => a + b, 0) / map.marginsMm.length;
    expect(Math.abs(mean - 4)).toBeLessThan(0.25);
    expect(() => labelTarget(labels, 8)).toThrow(expect.objectContaining({ code: 'ablation/bad-target' }));
    const touching = volume({ frame: POST, voxels: voxels.map((v, n) => (n === 3 ? 7 : v)), size, frameFromIndex });
    expect(() => labelTarget(touching, 7)).toThrow(/border/);
    const sheared = Float64Array.from(frameFromIndex);
    sheared[4] = (sheared[4] as number) + 0.1;
    expect(() => labelTarget(volume({ frame: POST, voxels, size, frameFromIndex: sheared }), 7)).toThrow(
      expect.objectContaining({ code: 'volume/sheared' }),
    );
  });

  it('gives no probability where the error of the registration is not known', () => {
    const blind = transform(PRE, POST, matrix);
    const { map, complete, withMargin } = confirmAblation({ target, necrosis: necrosis(14), preFromPost: blind });
    expect(map.minimalMarginMm).toBeGreaterThan(4.9);
    expect([complete, withMargin]).toEqual([undefined, undefined]);
  });

  it('is refused unregistered, between other frames, by a registration that is not rigid, and with an open surface', () => {
    const after = necrosis(14);
    expect(() => confirmAblation({ target, necrosis: after, preFromPost: undefined })).toThrow(
      expect.objectContaining({ code: 'ablation/unregistered' }),
    );
    const other = transform(frame('other'), POST, matrix, { covariance });
    // @ts-expect-error: the compiler refuses it too.
    expect(() => confirmAblation({ target, necrosis: after, preFromPost: other })).toThrow(
      expect.objectContaining({ code: 'frame/mismatch' }),
    );
    const scaled = { ...preFromPost, matrix: matrix.map((v, n) => (n < 3 ? 1.01 * v : v)) } as typeof preFromPost;
    expect(() => confirmAblation({ target, necrosis: after, preFromPost: scaled })).toThrow(
      expect.objectContaining({ code: 'frame/not-rigid' }),
    );
    const open = mesh({ frame: POST, positions: after.positions, triangles: after.triangles.slice(3) });
    expect(() => confirmAblation({ target, necrosis: open, preFromPost })).toThrow(
      expect.objectContaining({ code: 'ablation/bad-target' }),
    );
    const inverted = mesh({
      frame: PRE,
      positions: target.surface.positions,
      triangles: target.surface.triangles.slice().reverse(),
    });
    expect(() => ablationTarget(inverted)).toThrow(/inside out/);
  });
});
