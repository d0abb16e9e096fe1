import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { fromQuaternion, Random, vec3 } from '../math/index.js';
import type { Instant } from '../time/index.js';
import { poseNoiseCovariance } from './covariance.js';
import { compose, type Frame, FrameGraph, frame, invert, PoseView, type Transform, transform } from './index.js';

/** The same uncertainty by every way: composed by hand, inverted, or read along a path, forwards and backwards. */

const [a, b, c] = [frame('a'), frame('b'), frame('c')];

function uncertain<To extends string, From extends string>(
  random: Random,
  to: Frame<To>,
  from: Frame<From>,
): Transform<To, From> {
  const at = vec3(random.between(-200, 200), random.between(-200, 200), random.between(-200, 200));
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), at);
  const covariance = poseNoiseCovariance(new Float64Array(36), m, Float64Array.of(0.3, 0.004));
  return transform(to, from, m, { covariance });
}

function covarianceAlong<To extends string, From extends string>(
  graph: FrameGraph,
  to: Frame<To>,
  from: Frame<From>,
): Float64Array {
  const view = new PoseView();
  graph.tick(0 as Instant);
  expect(graph.path(to, from).read(view)).toBe('ok');
  return view.covariance;
}

function expectSame(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): void {
  const scale = Math.max(...Array.from(expected, Math.abs));
  for (let n = 0; n < 36; n += 1) {
    expect(Math.abs((actual?.[n] as number) - (expected[n] as number)) / scale).toBeLessThan(1e-12);
  }
}

describe('the covariance of two uncertain edges', () => {
  it('is the same composed, inverted and along a path, in either direction, however the edges were set', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const random = new Random(seed);
        const ab = uncertain(random, a, b);
        const bc = uncertain(random, b, c);
        const ac = compose(ab, bc);
        const ca = invert(ac);
        expectSame(compose(invert(bc), invert(ab)).covariance, ca.covariance as ArrayLike<number>);
        expectSame(invert(ca).covariance, ac.covariance as ArrayLike<number>);
        for (const [first, second] of [
          [ab, bc],
          [invert(ab), bc],
          [ab, invert(bc)],
        ] as const) {
          const graph = new FrameGraph();
          graph.set(first as Transform<string, string>);
          graph.set(second as Transform<string, string>);
          expectSame(covarianceAlong(graph, a, c), ac.covariance as ArrayLike<number>);
          expectSame(covarianceAlong(graph, c, a), ca.covariance as ArrayLike<number>);
        }
      }),
      { numRuns: 50 * inject('effort') },
    );
  });

  it('lives in the `to` frame about its origin: noise of a turned, distant tool, by hand', () => {
    // b lies 100 mm along a's y, not turned; only c's rotation about b's z is uncertain, by 0.01 rad.
    const ab = transform(a, b, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 100, 0, 1], { covariance: 'exact' });
    const turn = new Float64Array(36);
    turn[35] = 1e-4;
    const bc = transform(b, c, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], { covariance: turn });
    const covariance = compose(ab, bc).covariance as ArrayLike<number>;
    // About a's origin the same small turn φ is one with a shift of +100 φ along x: ρ = −φ × r.
    expect([covariance[0], covariance[5], covariance[35]].map((x) => Number(x?.toPrecision(12)))).toEqual([1, 0.01, 1e-4]);
    expect(covariance[7]).toBe(0);
  });
});
