import { describe, expect, it } from 'vitest';
import { pixelsOfSpans, rowSpans } from '../../ultrasound/clip.js';
import { TISSUES, type Tissue } from './anatomy.js';
import { bModeProbe } from './b-mode.js';
import { simulatedBrain } from './brain.js';

/** Body from plane: beams down along −z, the face at z = 21. */
const DOWN = Float64Array.of(1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 33, 1);
const tissue = (name: Tissue): number => TISSUES.indexOf(name);
const probe = bModeProbe({ seed: 3 });
const { columns, rows, pixelMm, startMm } = probe.geometry;
const [apexColumn, apexRow] = probe.sector.apex;

/** The pixel at a depth below the face, mm, and at an angle from the middle beam, rad. */
function pixelAt(pixels: Uint8Array, depthMm: number, angle: number): number {
  const r = (startMm + depthMm) / pixelMm;
  return pixels[Math.round(apexRow + r * Math.cos(angle)) * columns + Math.round(apexColumn + r * Math.sin(angle))] as number;
}

/** Echo amplitudes of what grey values show: the logarithm undone. */
const amplitude = (grey: number): number => 10 ** ((58 * ((grey - 1) / 254) ** (1 / 1.25)) / 20);

/** Of a patch of so many mm along and across: grey values by place. */
function patch(pixels: Uint8Array, depthMm: number, angle: number, halfMm: number): number[] {
  const out: number[] = [];
  for (let d = -halfMm; d <= halfMm; d += pixelMm) {
    for (let a = -halfMm; a <= halfMm; a += pixelMm) out.push(pixelAt(pixels, depthMm + d, angle + a / (startMm + depthMm)));
  }
  return out;
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const deviations = (x: readonly number[], middle: number = mean(x)): number[] => x.map((v) => v - middle);
const sd = (x: readonly number[]): number => Math.sqrt(mean(deviations(x).map((v) => v * v)));

function correlation(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [deviations(x), deviations(y)];
  return mean(a.map((v, n) => v * (b[n] as number))) / (sd(x) * sd(y));
}

/** Correlation of grey values with those so many mm further across the beam. */
function acrossBy(pixels: Uint8Array, depthMm: number, mm: number): number {
  const [own, beside]: [number[], number[]] = [[], []];
  for (let d = -4; d <= 4; d += pixelMm) {
    for (let angle = -0.4; angle <= 0.4; angle += 0.01) {
      own.push(pixelAt(pixels, depthMm + d, angle));
      beside.push(pixelAt(pixels, depthMm + d, angle + mm / (startMm + depthMm)));
    }
  }
  return correlation(own, beside);
}

describe('a simulated picture', () => {
  const white = probe.image(() => tissue('white'), DOWN, 0);

  it('is black beside its sector and nowhere inside', () => {
    expect(white.length).toBe(columns * rows);
    const spans = rowSpans([columns, rows], { fan: probe.sector });
    const inside = white.reduce((n, x) => n + (x > 0 ? 1 : 0), 0);
    expect(Math.abs(inside / pixelsOfSpans(spans) - 1)).toBeLessThan(0.005);
  });

  it('is the same for the same number; another number changes its noise alone, another seed its speckle', () => {
    expect(probe.image(() => tissue('white'), DOWN, 0).every((x, n) => x === white[n])).toBe(true);
    const likeness = (other: Uint8Array): number => correlation(patch(white, 20, 0, 8), patch(other, 20, 0, 8));
    const next = probe.image(() => tissue('white'), DOWN, 1);
    expect(next.some((x, n) => x !== white[n])).toBe(true);
    expect(likeness(next)).toBeGreaterThan(0.9);
    expect(Math.abs(likeness(bModeProbe({ seed: 4 }).image(() => tissue('white'), DOWN, 0)))).toBeLessThan(0.35);
  });

  it('has fully developed speckle: mean over standard deviation of the echo is 1.91, less what texture adds', () => {
    const ratios = [-0.4, -0.25, -0.1, 0.1, 0.25, 0.4].flatMap((angle) =>
      [15, 25, 35].map((depth) => {
        const echo = patch(white, depth, angle, 2).map(amplitude);
        return mean(echo) / sd(echo);
      }),
    );
    expect(mean(ratios)).toBeGreaterThan(1.6);
    expect(mean(ratios)).toBeLessThan(2.1);
  });

  it('has speckle that is wider across the beam beyond the focus than at it', () => {
    const [focus, deep] = [acrossBy(white, 28, 0.9), acrossBy(white, 49, 0.9)];
    expect(focus).toBeLessThan(0.5);
    expect(deep).toBeGreaterThan(focus + 0.1);
  });

  it('shows a border where it is, and too deep by a wrong speed of sound', () => {
    const layers = (_x: number, _y: number, z: number): number => (z < -9 && z > -11 ? tissue('falx') : tissue('white'));
    const middle = (speed: number): number => {
      const picture = probe.image(layers, DOWN, 0, speed);
      const angles = Array.from({ length: 41 }, (_, n) => (n - 20) * 0.01);
      let [sum, weight] = [0, 0];
      for (let depth = 26; depth < 37; depth += 0.1) {
        // The layer is head-on in the middle only: depths are along z.
        const excess = Math.max(0, mean(angles.map((a) => pixelAt(picture, (depth + startMm) / Math.cos(a) - startMm, a))) - 160);
        sum += depth * excess;
        weight += excess;
      }
      return sum / weight;
    };
    // The face is at z = 21: the layer lies 30 … 32 mm deep.
    expect(Math.abs(middle(1) - 31)).toBeLessThan(0.8);
    expect(middle(1.03) - middle(1)).toBeGreaterThan(0.6);
    expect(middle(1.03) - middle(1)).toBeLessThan(1.3);
  });

  it('is dark behind what takes the beam, and in fluid', () => {
    const ball = (x: number, _y: number, z: number): number => (Math.hypot(x, z - 6) < 5 ? tissue('falx') : tissue('white'));
    const behind = probe.image(ball, DOWN, 0);
    expect(mean(patch(behind, 35, 0, 2))).toBeLessThan(mean(patch(white, 35, 0, 2)) - 30);
    expect(Math.abs(mean(patch(behind, 35, 0.4, 2)) - mean(patch(white, 35, 0.4, 2)))).toBeLessThan(5);
    const lake = (x: number, _y: number, z: number): number => (Math.hypot(x, z + 4) < 6 ? tissue('ventricle') : tissue('white'));
    expect(mean(patch(probe.image(lake, DOWN, 0), 25, 0, 2))).toBeLessThan(mean(patch(white, 25, 0, 2)) - 40);
  });
});

describe('the simulated brain', () => {
  it('has landmarks that are brighter in ultrasound than the rest', () => {
    const brain = simulatedBrain(3);
    const picture = probe.image(brain.tissueAt, DOWN, 0);
    const [own, other]: [number[], number[]] = [[], []];
    for (let depth = 8; depth < 45; depth += 0.5) {
      for (let angle = -0.5; angle <= 0.5; angle += 0.02) {
        const r = startMm + depth;
        const found = brain.isLandmark(r * Math.sin(angle), 0, 33 - r * Math.cos(angle));
        (found ? own : other).push(pixelAt(picture, depth, angle));
      }
    }
    expect(own.length).toBeGreaterThan(20);
    expect(mean(own) - mean(other)).toBeGreaterThan(20);
  });
});
