import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cholesky,
  choleskySolve,
  determinant3,
  fromQuaternion,
  fromRotationVector,
  identity4,
  invert4,
  invertRigid,
  invertSymmetric,
  multiply4,
  quaternionOf,
  Random,
  rigidityError,
  rotationAngleBetween,
  rotationVectorOf,
  slerp,
  svd3,
  symmetricEigen,
  transformDirection,
  transformPoint,
} from './index.js';

const seeds = fc.integer({ min: 0, max: 0x7fffffff });

function randomRigid(random: Random): Float64Array {
  return fromQuaternion(
    new Float64Array(16),
    random.rotation(new Float64Array(4)),
    [1, 2, 3].map(() => random.between(-500, 500)),
  );
}

describe('rigid matrices', () => {
  it('turn degrees given as radians the right way: 90° about z takes x to y', () => {
    const m = fromRotationVector(new Float64Array(16), [0, 0, Math.PI / 2]);
    const p = transformPoint(new Float64Array(3), m, [1, 0, 0]);
    expect(p[0]).toBeCloseTo(0, 15);
    expect(p[1]).toBeCloseTo(1, 15);
    // Column-major: the image of x is the first four elements.
    expect(m[1]).toBeCloseTo(1, 15);
    expect(m[4]).toBeCloseTo(-1, 15);
  });

  it('multiply in the order that applies b first', () => {
    const turn = fromRotationVector(new Float64Array(16), [0, 0, Math.PI / 2]);
    const shift = identity4();
    shift[12] = 10;
    const turned = transformPoint(new Float64Array(3), multiply4(new Float64Array(16), turn, shift), [0, 0, 0]);
    expect(turned[1]).toBeCloseTo(10, 12);
    const moved = transformPoint(new Float64Array(3), multiply4(new Float64Array(16), shift, turn), [0, 0, 0]);
    expect(moved[0]).toBeCloseTo(10, 12);
  });

  it('have a rotation vector that makes them again: at no turn, at tiny ones, and at a half-turn', () => {
    for (const angle of [0, 1e-300, 1e-12, 1e-6, 0.1, 1, 3, Math.PI - 1e-9, Math.PI]) {
      const random = new Random(Math.round(1000 * angle));
      for (let n = 0; n < 20; n += 1) {
        const q = random.rotation(new Float64Array(4));
        const length = Math.hypot(q[0] as number, q[1] as number, q[2] as number);
        const given = [0, 1, 2].map((k) => ((q[k] as number) / length) * angle);
        const m = fromRotationVector(new Float64Array(16), given);
        const found = rotationVectorOf(new Float64Array(3), m);
        expect(Math.abs(Math.hypot(...found) - angle)).toBeLessThanOrEqual(4e-16 + 1e-9 * (angle > 3.1 ? 10 : angle));
        expect(rotationAngleBetween(m, fromRotationVector(new Float64Array(16), found))).toBeLessThan(1e-14);
      }
    }
  });

  it('have inverses that give the identity, by transposing and by elimination', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const m = randomRigid(new Random(seed));
        const general = identity4();
        expect(invert4(general, m)).toBe(true);
        const byTransposing = invertRigid(new Float64Array(16), m);
        const product = multiply4(new Float64Array(16), m, byTransposing);
        for (let i = 0; i < 16; i += 1) {
          expect(product[i]).toBeCloseTo(i % 5 === 0 ? 1 : 0, 10);
          expect(general[i]).toBeCloseTo(byTransposing[i] as number, 9);
        }
      }),
    );
  });

  it('stay in doubles: a thousand compositions at 300 mm drift by less than 1e-9 mm', () => {
    const step = fromRotationVector(new Float64Array(16), [0, 0, (2 * Math.PI) / 1000]);
    const m = identity4();
    for (let i = 0; i < 1000; i += 1) multiply4(m, m, step);
    const p = transformPoint(new Float64Array(3), m, [300, 0, 0]);
    expect(Math.hypot((p[0] as number) - 300, p[1] as number)).toBeLessThan(1e-9);
  });

  it('go to a quaternion and back, also for half turns', () => {
    const q = new Float64Array(4);
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new Random(seed);
        const axis = [random.normal(), random.normal(), random.normal()];
        const n = Math.hypot(...axis);
        const angle = random.below(3) === 0 ? Math.PI - 1e-9 * random.uniform() : random.between(0, Math.PI);
        const m = fromRotationVector(
          new Float64Array(16),
          axis.map((x) => (x / n) * angle),
        );
        quaternionOf(q, m);
        expect(q[3]).toBeGreaterThanOrEqual(0);
        expect(rotationAngleBetween(m, fromQuaternion(new Float64Array(16), q, [0, 0, 0]))).toBeLessThan(1e-7);
      }),
    );
  });

  it('measure angles down to a nanoradian', () => {
    const m = fromRotationVector(new Float64Array(16), [0, 1e-9, 0]);
    expect(rotationAngleBetween(identity4(), m) / 1e-9).toBeCloseTo(1, 6);
  });

  it('know what is not rigid: mirror, scale, a transposed translation', () => {
    const m = randomRigid(new Random(5));
    expect(rigidityError(m)).toBeLessThan(1e-12);
    const mirrored = Float64Array.from(m);
    for (let r = 0; r < 3; r += 1) mirrored[r] = -(mirrored[r] as number);
    expect(determinant3(mirrored)).toBeLessThan(0);
    expect(rigidityError(mirrored)).toBe(Number.POSITIVE_INFINITY);
    const scaled = Float64Array.from(m, (x, i) => (i < 12 ? x * 1.001 : x));
    expect(rigidityError(scaled)).toBeGreaterThan(1e-3);
    const transposed = Float64Array.from(m);
    transposed[3] = 12;
    expect(rigidityError(transposed)).toBe(Number.POSITIVE_INFINITY);
  });

  it('move directions without the translation', () => {
    const m = randomRigid(new Random(6));
    const d = transformDirection(new Float64Array(3), m, [0, 0, 2]);
    expect(Math.hypot(d[0] as number, d[1] as number, d[2] as number)).toBeCloseTo(2, 12);
  });

  it('slerp moves at constant angular speed and never the long way', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0, max: 1, noNaN: true }), (seed, f) => {
        const random = new Random(seed);
        const a = random.rotation(new Float64Array(4));
        const b = random.rotation(new Float64Array(4));
        const ma = fromQuaternion(new Float64Array(16), a, [0, 0, 0]);
        const mb = fromQuaternion(new Float64Array(16), b, [0, 0, 0]);
        const m = fromQuaternion(new Float64Array(16), slerp(new Float64Array(4), a, b, f), [0, 0, 0]);
        expect(rotationAngleBetween(ma, m)).toBeCloseTo(f * rotationAngleBetween(ma, mb), 6);
      }),
    );
  });
});

describe('linear algebra', () => {
  it('decomposes any 3×3 matrix, also singular ones, into orthogonal factors', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 3 }), (seed, rank) => {
        const random = new Random(seed);
        const a = new Float64Array(9);
        for (let r = 0; r < rank; r += 1) {
          const u = [random.normal(), random.normal(), random.normal()];
          const v = [random.normal(), random.normal(), random.normal()];
          for (let i = 0; i < 9; i += 1) a[i] = (a[i] as number) + (u[Math.floor(i / 3)] as number) * (v[i % 3] as number);
        }
        const { u, s, v } = svd3(a);
        for (let i = 0; i < 3; i += 1) {
          for (let j = 0; j < 3; j += 1) {
            let product = 0;
            let uu = 0;
            let vv = 0;
            for (let k = 0; k < 3; k += 1) {
              product += (u[3 * i + k] as number) * (s[k] as number) * (v[3 * j + k] as number);
              uu += (u[3 * k + i] as number) * (u[3 * k + j] as number);
              vv += (v[3 * k + i] as number) * (v[3 * k + j] as number);
            }
            expect(product).toBeCloseTo(a[3 * i + j] as number, 10);
            expect(uu).toBeCloseTo(i === j ? 1 : 0, 10);
            expect(vv).toBeCloseTo(i === j ? 1 : 0, 10);
          }
        }
        expect(s[0]).toBeGreaterThanOrEqual(s[1] as number);
        expect(s[1]).toBeGreaterThanOrEqual(s[2] as number);
      }),
    );
  });

  it('finds eigenvalues, solves and inverts symmetric positive definite systems', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, n) => {
        const random = new Random(seed);
        const b = Float64Array.from({ length: n * n }, () => random.normal());
        const a = new Float64Array(n * n);
        for (let i = 0; i < n; i += 1)
          for (let j = 0; j < n; j += 1) {
            let sum = i === j ? 0.1 : 0;
            for (let k = 0; k < n; k += 1) sum += (b[i * n + k] as number) * (b[j * n + k] as number);
            a[i * n + j] = sum;
          }
        const { values, vectors } = symmetricEigen(a, n);
        for (let k = 0; k < n; k += 1) {
          for (let i = 0; i < n; i += 1) {
            let av = 0;
            for (let j = 0; j < n; j += 1) av += (a[i * n + j] as number) * (vectors[j * n + k] as number);
            expect(av).toBeCloseTo((values[k] as number) * (vectors[i * n + k] as number), 8);
          }
        }
        const truth = Float64Array.from({ length: n }, () => random.normal());
        const rhs = Float64Array.from({ length: n }, (_, i) =>
          truth.reduce((sum, x, j) => sum + (a[i * n + j] as number) * x, 0),
        );
        const l = new Float64Array(n * n);
        expect(cholesky(l, a, n)).toBe(true);
        const x = choleskySolve(new Float64Array(n), l, rhs, n);
        const inverse = invertSymmetric(a, n);
        for (let i = 0; i < n; i += 1) {
          expect(x[i]).toBeCloseTo(truth[i] as number, 6);
          expect(rhs.reduce((sum, r, j) => sum + (inverse[i * n + j] as number) * r, 0)).toBeCloseTo(truth[i] as number, 6);
        }
      }),
    );
  });

  it('says what has no inverse', () => {
    expect(() => invertSymmetric([1, 1, 1, 1], 2)).toThrowError(/not positive definite/);
    expect(cholesky(new Float64Array(4), [1, 2, 2, 1], 2)).toBe(false);
    expect(cholesky(new Float64Array(1), [Number.NaN], 1)).toBe(false);
  });
});

describe('seeded randomness', () => {
  it('repeats with its seed, differs with another, and has the moments it claims', () => {
    const a = new Random(42);
    const b = new Random(42);
    const c = new Random(43);
    const first = Array.from({ length: 8 }, () => a.nextUint32());
    expect(Array.from({ length: 8 }, () => b.nextUint32())).toEqual(first);
    expect(Array.from({ length: 8 }, () => c.nextUint32())).not.toEqual(first);
    const n = 200_000;
    let mean = 0;
    let square = 0;
    let uniform = 0;
    for (let i = 0; i < n; i += 1) {
      const x = a.normal();
      mean += x / n;
      square += (x * x) / n;
      uniform += a.uniform() / n;
    }
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(square - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(n));
    expect(Math.abs(uniform - 0.5)).toBeLessThan(5 / Math.sqrt(12 * n));
  });
});
