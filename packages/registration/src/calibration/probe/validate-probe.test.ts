import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { fCalPhantom } from './phantom.js';
import { PHANTOM, wireScene } from './test-support/wire-scenes.js';
import { type CheckedProbe, validateProbe } from './validate-probe.js';

const SEEDS = Array.from({ length: 4 * inject('effort') }, (_, n) => n + 1);
/** How these scenes are numbered. */
const LABELLING = { mirrored: true, upsideDown: false };

/** The marker moved by so much along one axis, mm. */
function moved(m: ArrayLike<number>, mm: number): Float64Array {
  const out = Float64Array.from(m);
  out[12] = (out[12] as number) + mm;
  return out;
}

describe('the limit of a check', () => {
  it.each(SEEDS)('seed %i: a calibration that holds has no finding, that of a marker that moved has, with how far', (seed) => {
    const { observations, probeFromImage } = wireScene(new Random(seed), { images: 24 });
    const check = (m: ArrayLike<number>, limitMm?: number) =>
      validateProbe({ probeFromImage: m, lagMs: 0, labelling: LABELLING }, PHANTOM, observations, undefined, {
        ...(limitMm !== undefined && { limitMm }),
      });
    expect(check(probeFromImage, 1.5).findings).toEqual([]);
    const off = moved(probeFromImage, 3);
    const far = check(off, 1.5);
    expect(far.meanMm).toBeCloseTo(3, 2);
    expect(far.findings.map(({ code }) => code)).toEqual(['wires-elsewhere']);
    expect(far.findings[0]?.message).toMatch(/^The wires are 3\.0 mm .* another probe's/);
    expect(check(off, 3.1).findings).toEqual([]);
    expect(check(off).findings).toEqual([]);
  });

  it('what is known otherwise is named beside it, and is not blamed on the marker', () => {
    const { observations, probeFromImage } = wireScene(new Random(9), { images: 24 });
    const larger = Float64Array.from(probeFromImage, (x, n) => (n < 8 ? 1.05 * x : x));
    const probe: CheckedProbe = { probeFromImage: larger, lagMs: 0, labelling: LABELLING };
    const { findings } = validateProbe(probe, PHANTOM, observations, undefined, { limitMm: 0.5 });
    expect(findings.map(({ code }) => code)).toEqual(['scale', 'wires-elsewhere']);
    expect(findings[1]?.message).not.toMatch(/marker/);
  });

  it('where no image has a pose at the lag, nothing is known, and that is found', () => {
    const { observations, probeFromImage } = wireScene(new Random(10), { images: 24 });
    const timed = observations.map((o, n) => ({ ...o, timeMs: 50 * n }));
    const probe: CheckedProbe = { probeFromImage, lagMs: 60_000, labelling: LABELLING };
    const { meanMm, findings } = validateProbe(probe, PHANTOM, timed, undefined, { limitMm: 1.5 });
    expect(meanMm).toBeNaN();
    expect(findings.map(({ code }) => code)).toContain('wires-elsewhere');
    expect(findings.at(-1)?.message).toMatch(/not known/);
  });

  it.each([0, -1, Number.NaN])('of %d mm is refused', (limitMm) => {
    const { observations, probeFromImage } = wireScene(new Random(11), { images: 12 });
    const probe: CheckedProbe = { probeFromImage, lagMs: 0, labelling: LABELLING };
    expect(() => validateProbe(probe, fCalPhantom('1.2'), observations, undefined, { limitMm })).toThrow(
      expect.toSatisfy((e: unknown) => isNavError(e, 'calibration/bad-option')),
    );
  });
});
