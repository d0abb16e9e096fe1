import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import {
  determinant3,
  fromQuaternion,
  fromRotationVector,
  identity4,
  rigidityError,
  transformPoint,
  vec3,
} from '../../math/index.js';
import { inFrontOf, metresFromPatient, newRoom, transformOfPose } from './room.js';

const CT = frame('ct');
const angle = fc.double({ min: -3, max: 3, noNaN: true });
const mm = fc.double({ min: -500, max: 500, noNaN: true });

/** A viewer at a place in metres, turned by yaw about up and then pitch. */
function viewer(x: number, y: number, z: number, yaw: number, pitch: number): Parameters<typeof inFrontOf>[1] {
  const [c, s] = [Math.cos(yaw / 2), Math.sin(yaw / 2)];
  const [cp, sp] = [Math.cos(pitch / 2), Math.sin(pitch / 2)];
  return { position: { x, y, z }, orientation: { x: c * sp, y: s * cp, z: -s * sp, w: c * cp } };
}

describe('metres and millimetres', () => {
  it('a point 250 mm to the left, placed 1 m ahead, lies at (0.25, 0, −1) m', () => {
    const m = identity4();
    m[14] = -1000;
    const node = metresFromPatient(identity4(), m);
    expect([...transformPoint(vec3(0, 0, 0), node, [250, 0, 0])]).toEqual([0.25, 0, -1]);
    expect([node[3], node[7], node[11], node[15]]).toEqual([0, 0, 0, 1]);
  });

  it('a model at half size keeps its place', () => {
    const m = identity4();
    m[12] = 400;
    const node = metresFromPatient(identity4(), m, 0.5);
    expect([...transformPoint(vec3(0, 0, 0), node, [100, 0, 0])].map((x) => Number(x.toFixed(12)))).toEqual([0.45, 0, 0]);
  });

  it('a pose of the session is in mm, turned as it was', () => {
    fc.assert(
      fc.property(mm, mm, mm, angle, angle, angle, (x, y, z, a, b, c) => {
        const turned = fromRotationVector(identity4(), [a, b, c]);
        const length = Math.hypot(a, b, c);
        const s = length === 0 ? 0 : Math.sin(length / 2) / length;
        const orientation = { x: a * s, y: b * s, z: c * s, w: Math.cos(length / 2) };
        const found = transformOfPose(newRoom(), CT, { position: { x: x / 1000, y: y / 1000, z: z / 1000 }, orientation });
        turned.set([x, y, z], 12);
        turned.forEach((value, n) => {
          expect(found.matrix[n]).toBeCloseTo(value, 9);
        });
      }),
    );
  });

  it('a pose that is none is refused', () => {
    const orientation = { x: 0, y: 0, z: 0, w: 1 };
    expect(() => transformOfPose(newRoom(), CT, { position: { x: Number.NaN, y: 0, z: 0 }, orientation })).toThrow(/rigid/);
  });
});

describe('a room that began anew', () => {
  it('is another frame', () => {
    expect(newRoom().name).not.toBe(newRoom().name);
  });
});

describe('a model in front of whoever looks', () => {
  it('shows its face, upright, the patient’s left on the right, 0.7 m ahead and 0.15 m below the eyes', () => {
    const m = inFrontOf(identity4(), viewer(0, 1.6, 0, 0, 0), [10, 20, 30], 1);
    expect([...transformPoint(vec3(0, 0, 0), m, [10, 20, 30])]).toEqual([0, 1450, -700]);
    const from = (p: readonly number[]): number[] =>
      [...transformPoint(vec3(0, 0, 0), m, [10 + (p[0] ?? 0), 20 + (p[1] ?? 0), 30 + (p[2] ?? 0)])].map(
        (x, k) => x - ([0, 1450, -700][k] ?? 0),
      );
    expect(from([1, 0, 0]).map(Math.round)).toEqual([1, 0, 0]);
    expect(from([0, -1, 0]).map((x) => Math.round(x) + 0)).toEqual([0, 0, 1]);
    expect(from([0, 0, 1]).map((x) => Math.round(x) + 0)).toEqual([0, 1, 0]);
  });

  it('is never mirrored, always level, and its middle is where it should be, wherever one looks', () => {
    fc.assert(
      fc.property(
        mm,
        mm,
        mm,
        angle,
        fc.double({ min: -1.4, max: 1.4, noNaN: true }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        (x, y, z, yaw, pitch, scale) => {
          const eyes = viewer(x / 1000, y / 1000, z / 1000, yaw, pitch);
          const m = inFrontOf(identity4(), eyes, [x, y, z], scale);
          expect(determinant3(m)).toBeCloseTo(1, 9);
          expect(rigidityError(m)).toBeLessThan(1e-12);
          expect([m[8], m[9], m[10]]).toEqual([0, 1, 0]);
          const node = metresFromPatient(identity4(), m, scale);
          const middle = transformPoint(vec3(0, 0, 0), node, [x, y, z]);
          const turned = fromQuaternion(
            identity4(),
            [0, Math.sin(yaw / 2), 0, Math.cos(yaw / 2)],
            [x / 1000, y / 1000, z / 1000],
          );
          const expected = transformPoint(vec3(0, 0, 0), turned, [0, -0.15, -0.7]);
          for (let k = 0; k < 3; k += 1) expect(middle[k]).toBeCloseTo(expected[k] as number, 9);
        },
      ),
    );
  });
});
