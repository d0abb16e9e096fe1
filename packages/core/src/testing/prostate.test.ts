import { describe, expect, inject, it } from 'vitest';
import { fromRotationVector, identity4, invertRigid, transformPoint } from '../math/index.js';
import { Sampler } from '../volume/index.js';
import { prostatePhantom, prostateTissue, simulatedProbe } from './index.js';

const seed = inject('seed');
const at = (m: ArrayLike<number>, p: ArrayLike<number>): Float64Array => transformPoint(new Float64Array(3), m, p);
const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;

const frameFromBody = fromRotationVector(identity4(), [0.1, -0.05, 0.2]);
frameFromBody.set([12, -30, 5], 12);
const phantom = prostatePhantom({ seed, frameFromBody });

describe('the prostate phantom', () => {
  it('has a gland of 20 to 60 ml with three lesions in it, each on the side that it says', () => {
    const bodyFromFrame = invertRigid(identity4(), frameFromBody);
    const counts = new Map<number, number>();
    const x = new Map<number, number>();
    const [ni, nj] = phantom.labels.size;
    phantom.labels.voxels.forEach((label, n) => {
      const p = at(phantom.labels.frameFromIndex, [n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)]);
      counts.set(label, (counts.get(label) ?? 0) + 1);
      x.set(label, (x.get(label) ?? 0) + (at(bodyFromFrame, p)[0] as number));
    });
    const ml = (label: number): number => ((counts.get(label) ?? 0) * 0.8 ** 3) / 1000;
    expect(ml(1)).toBeGreaterThan(20);
    expect(ml(1)).toBeLessThan(60);
    expect(phantom.lesions).toHaveLength(3);
    phantom.lesions.forEach(({ side, radiusMm }, n) => {
      const ball = ((4 / 3) * Math.PI * radiusMm ** 3) / 1000;
      expect(ml(n + 2)).toBeGreaterThan(0.6 * ball);
      expect(ml(n + 2)).toBeLessThan(1.4 * ball);
      // LPS: x grows to the patient's left.
      expect((x.get(n + 2) as number) > 0).toBe(side === 'left');
    });
  });

  it('shows on T2 a dark lesion in a bright peripheral zone, a bright urethra, bladder and cyst, where the truth says', () => {
    const sampler = new Sampler(phantom.t2);
    const value = (p: ArrayLike<number>): number => {
      const q = at(frameFromBody, p);
      return sampler.at(q[0] as number, q[1] as number, q[2] as number);
    };
    const [left] = phantom.lesions;
    const lesion = value(left?.centre ?? []);
    const peripheral: number[] = [];
    for (let z = -15; z < 15; z += 1) {
      for (let x = -22; x < 22; x += 1) {
        if (phantom.tissueAt(x, 11, z) === prostateTissue('peripheral')) peripheral.push(value([x, 11, z]));
      }
    }
    expect(peripheral.length).toBeGreaterThan(50);
    expect(lesion).toBeLessThan(0.55 * mean(peripheral));
    expect(value(phantom.landmarks['verumontanum'] ?? [])).toBeGreaterThan(500);
    expect(value(phantom.landmarks['cyst'] ?? [])).toBeGreaterThan(650);
    expect(value(phantom.landmarks['calcification 1'] ?? [])).toBeLessThan(450);
  });

  it('is the same for the same seed and another for another', () => {
    const [one, again, other] = [seed, seed, seed + 1].map((s) => prostatePhantom({ seed: s, spacingMm: 2.5 }).t2.voxels);
    expect((again as Int16Array).every((v, n) => v === one?.[n])).toBe(true);
    expect((other as Int16Array).every((v, n) => v === one?.[n])).toBe(false);
  }, 30_000);
});

describe('the simulated probe', () => {
  /** In the rectum behind the gland, looking to the front, x to the patient's left. */
  const face = phantom.halfMm[1] + 6.5;
  const pose = Float64Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, face + 11, 0, 1);
  const probe = simulatedProbe({ seed });
  const image = probe.image(phantom.tissueAt, pose, 1);
  const { lines, samples, halfAngle, startMm, stepMm } = probe.fan;
  const tissueOf = (line: number, s: number): number => {
    const angle = halfAngle * ((2 * line) / (lines - 1) - 1);
    const r = startMm + stepMm * s;
    const p = at(pose, [r * Math.sin(angle), 0, r * Math.cos(angle)]);
    return phantom.tissueAt(p[0] as number, p[1] as number, p[2] as number);
  };
  const echoes = (name: Parameters<typeof prostateTissue>[0]): number[] => {
    const own: number[] = [];
    for (let line = 0; line < lines; line += 1) {
      for (let s = 0; s < samples; s += 1) {
        if (tissueOf(line, s) === prostateTissue(name)) own.push(image[line * samples + s] as number);
      }
    }
    return own;
  };

  it('sees a lesion darker than the peripheral zone, the capsule brighter', () => {
    const [peripheral, capsule] = [echoes('peripheral'), echoes('capsule')];
    expect(peripheral.length).toBeGreaterThan(100);
    expect(mean(capsule) - mean(peripheral)).toBeGreaterThan(15);
    const lesion = echoes('lesion');
    if (lesion.length > 60) expect(mean(peripheral) - mean(lesion)).toBeGreaterThan(15);
  });

  it('has the patient left on its last lines: an image with its sides exchanged is another one', () => {
    const marker = (x: number): Uint8Array<ArrayBufferLike> =>
      probe.image((a, b, c) => prostateTissue(Math.hypot(a - x, b, c) < 2 ? 'bead' : 'water'), pose, 1);
    for (const side of [1, -1]) {
      const seen = marker(15 * side);
      const brightest = seen.indexOf(seen.reduce((a, b) => Math.max(a, b), 0));
      expect(Math.floor(brightest / samples) > lines / 2).toBe(side > 0);
    }
  });

  it('never gives the same electronic noise twice, and the same picture for the same number', () => {
    const again = probe.image(phantom.tissueAt, pose, 1);
    const next = probe.image(phantom.tissueAt, pose, 2);
    expect(again.every((v, n) => v === image[n])).toBe(true);
    expect(next.every((v, n) => v === image[n])).toBe(false);
  });
});
