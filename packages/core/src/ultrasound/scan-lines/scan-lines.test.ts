import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { rowSpans } from '../clip.js';
import { havePlusData, plusImages } from '../test-support/plus-data.js';
import { logCompress, rfEnvelope } from './rf.js';
import { ScanConverter, type ScanConverterInit, scanConvert } from './scan-convert.js';

const CURVED: ScanConverterInit = {
  geometry: { kind: 'curvilinear', radiiMm: [12, 60], anglesDeg: [-35, 30] },
  lines: 131,
  samples: 961,
  image: { size: [300, 260], spacingMm: [0.25, 0.25], surface: [150, 10] },
};
const STRAIGHT: ScanConverterInit = {
  geometry: { kind: 'linear', widthMm: 38, depthsMm: [1, 51] },
  lines: 77,
  samples: 501,
  image: { size: [200, 220], spacingMm: [0.2, 0.25], surface: [99.5, 4] },
};

/** An echo that depends on the place alone, mm right of and below the middle of the array's surface. */
const echo = (x: number, y: number): number => 1000 + 400 * Math.sin(x / 4) * Math.cos(y / 5) + 6 * y;

/** Lines that heard the echo, sample by sample. */
function linesOf({ geometry, lines, samples }: ScanConverterInit): Float32Array {
  return Float32Array.from({ length: lines * samples }, (_, n) => {
    const [line, sample] = [Math.floor(n / samples) / (lines - 1), (n % samples) / (samples - 1)];
    if (geometry.kind === 'linear') {
      const [first, last] = geometry.depthsMm;
      return echo((line - 0.5) * geometry.widthMm, first + sample * (last - first));
    }
    const [inner, outer] = geometry.radiiMm;
    const angle = ((geometry.anglesDeg[0] + line * (geometry.anglesDeg[1] - geometry.anglesDeg[0])) * Math.PI) / 180;
    const radius = inner + sample * (outer - inner);
    return echo(radius * Math.sin(angle), radius * Math.cos(angle) - inner);
  });
}

function worstOf(init: ScanConverterInit, pixels: ArrayLike<number>, mask: Uint8Array): number {
  const { size, spacingMm, surface } = init.image;
  let worst = 0;
  mask.forEach((m, n) => {
    const [x, y] = [((n % size[0]) - surface[0]) * spacingMm[0], (Math.floor(n / size[0]) - surface[1]) * spacingMm[1]];
    worst = Math.max(worst, Math.abs((pixels[n] as number) - (m === 255 ? echo(x, y) : 0)));
  });
  return worst;
}

describe('scan conversion', () => {
  it.each([
    ['curved', CURVED],
    ['straight', STRAIGHT],
  ])('puts every echo where it came from: %s', (_, init) => {
    const heard = linesOf(init);
    const converter = new ScanConverter(init);
    // Straight lines between samples half a millimetre apart bend a wave of 4 mm by less than this.
    expect(worstOf(init, converter.convert(heard), converter.mask)).toBeLessThan(1.5);
    expect(converter.mask.some((m) => m === 0) && converter.mask.some((m) => m === 255)).toBe(true);
  });

  it('keeps 16 bits, and signs', () => {
    const heard = linesOf(CURVED);
    const exact = scanConvert(heard, CURVED);
    const words = scanConvert(
      Uint16Array.from(heard, (x) => Math.round(35 * x)),
      CURVED,
    );
    const signed = scanConvert(
      Int16Array.from(heard, (x) => Math.round(x - 1200)),
      CURVED,
    );
    expect(words).toBeInstanceOf(Uint16Array);
    expect(Math.max(...words)).toBeGreaterThan(40_000);
    expect(Math.min(...signed)).toBeLessThan(-400);
    const { mask } = new ScanConverter(CURVED);
    let worst = 0;
    mask.forEach((m, n) => {
      if (m === 0) return;
      const of = exact[n] as number;
      worst = Math.max(worst, Math.abs((words[n] as number) - 35 * of), Math.abs((signed[n] as number) + 1200 - of));
    });
    // Samples and pixels are whole numbers: half of one each.
    expect(worst).toBeLessThan(1.05);
  });

  it('marks the very pixels that a clip of the same fan leaves', () => {
    const { mask } = new ScanConverter(CURVED);
    const fan = { apex: [150, 10 - 12 / 0.25], anglesDeg: [-35, 30], radii: [12 / 0.25, 60 / 0.25] } as const;
    const spans = rowSpans(CURVED.image.size, { fan });
    const [columns] = CURVED.image.size;
    const wrong = mask.filter((m, n) => {
      const [column, row] = [n % columns, Math.floor(n / columns)];
      const isIn = [0, 2].some((s) => column >= (spans[4 * row + s] as number) && column < (spans[4 * row + s + 1] as number));
      return isIn !== (m === 255);
    });
    expect(wrong).toHaveLength(0);
  });

  it('writes into an image that is handed in, and a line read backwards is its mirror', () => {
    const heard = linesOf(STRAIGHT);
    const converter = new ScanConverter(STRAIGHT);
    const out = new Float32Array(200 * 220);
    expect(converter.convert(heard, out)).toBe(out);
    const turned = heard.map((_, n) => heard[(76 - Math.floor(n / 501)) * 501 + (n % 501)] as number);
    const mirrored = converter.convert(turned);
    for (let row = 0; row < 220; row += 7) {
      for (let column = 0; column < 200; column += 3) {
        expect(mirrored[row * 200 + 199 - column]).toBeCloseTo(out[row * 200 + column] as number, 2);
      }
    }
  });

  it.each<[string, Partial<ScanConverterInit>, string]>([
    [
      'radii turned round',
      { geometry: { kind: 'curvilinear', radiiMm: [60, 12], anglesDeg: [-30, 30] } },
      'ultrasound/bad-geometry',
    ],
    ['no angle', { geometry: { kind: 'curvilinear', radiiMm: [12, 60], anglesDeg: [30, 30] } }, 'ultrasound/bad-geometry'],
    ['no width', { geometry: { kind: 'linear', widthMm: 0, depthsMm: [0, 50] } }, 'ultrasound/bad-geometry'],
    ['no spacing', { image: { ...CURVED.image, spacingMm: [0, 0.25] } }, 'ultrasound/bad-geometry'],
    ['one line', { lines: 1 }, 'ultrasound/bad-image'],
    ['an array elsewhere', { image: { ...CURVED.image, surface: [5000, 10] } }, 'ultrasound/bad-clip'],
    ['samples that are missing', { samples: 900 }, 'ultrasound/bad-image'],
  ])('refuses %s', (_, over, code) => {
    const run = (): unknown => scanConvert(new Float32Array(131 * 961), { ...CURVED, ...over });
    expect(run).toThrow();
    try {
      run();
    } catch (error) {
      expect(isNavError(error) && error.code).toBe(code);
    }
  });

  it.runIf(havePlusData)('shows what the machine showed of the same lines', async () => {
    const [lines] = await plusImages('UltrasonixCurvilinearBrightnessData.igs.mha');
    const [shown] = await plusImages('UltrasonixCurvilinearScanConvertedDataGroundTruth.igs.mha');
    // Found by fitting: the recording does not say. Lines come from right to left; unit of length is the pixel.
    const told = (anglesDeg: [number, number]): number => {
      const init: ScanConverterInit = {
        geometry: { kind: 'curvilinear', radiiMm: [75.5, 549.4], anglesDeg },
        lines: 96,
        samples: 3640,
        image: { size: [820, 616], spacingMm: [1, 1], surface: [408, 88] },
      };
      return correlationRatio(scanConvert(lines as Uint8Array, init), shown as Uint8Array);
    };
    // The machine compresses and smooths by rules of its own, so that grey levels cannot be compared; places can.
    expect(told([72.3, -71.8])).toBeGreaterThan(0.8);
    expect(told([-72.3, 71.8])).toBeLessThan(0.6);
    expect(told([66, -66])).toBeLessThan(0.75);
  });
});

/** How much of the variance of b is told by a, as whatever function of it. */
function correlationRatio(a: Uint8Array, b: Uint8Array): number {
  const sums = Array.from({ length: 256 }, () => [0, 0, 0] as [number, number, number]);
  const total: [number, number, number] = [0, 0, 0];
  b.forEach((value, n) => {
    for (const sum of [sums[a[n] as number] as [number, number, number], total]) {
      sum[0] += 1;
      sum[1] += value;
      sum[2] += value * value;
    }
  });
  const scatter = ([count, sum, squares]: [number, number, number]): number => (count === 0 ? 0 : squares - sum ** 2 / count);
  return 1 - sums.reduce((sum, s) => sum + scatter(s), 0) / scatter(total);
}

describe('radio frequency', () => {
  const PER_LINE = 512;
  /** Two lines with an offset: pulses of two amplitudes, under smooth envelopes. */
  const envelope = (line: number, n: number): number =>
    [120, 300, 400].reduce((sum, at, p) => sum + (2000 + 3000 * ((p + line) % 2)) * Math.exp(-(((n - at) / 18) ** 2) / 2), 0);
  const heard = (perCycle: number): Int16Array =>
    Int16Array.from({ length: 2 * PER_LINE }, (_, s) => {
      const [line, n] = [Math.floor(s / PER_LINE), s % PER_LINE];
      return Math.round(700 + envelope(line, n) * Math.cos((2 * Math.PI * n) / perCycle + line));
    });

  it.each([3, 4, 6, 9])('has the envelope that it was made of, %d samples a cycle', (perCycle) => {
    const found = rfEnvelope(heard(perCycle), PER_LINE);
    let worst = 0;
    found.forEach((a, s) => {
      worst = Math.max(worst, Math.abs(a - envelope(Math.floor(s / PER_LINE), s % PER_LINE)));
    });
    expect(worst / 5000).toBeLessThan(0.015);
  });

  it('is compressed by decibels', () => {
    expect([...logCompress(Float32Array.of(1000, 100, 10, 1, 0.5, 0))]).toEqual([255, 170, 85, 0, 0, 0]);
    expect([...logCompress(Float32Array.of(2000, 10), { topAmplitude: 1000, dynamicRangeDb: 40 })]).toEqual([255, 0]);
    expect([...logCompress(new Float32Array(3))]).toEqual([0, 0, 0]);
  });

  it('refuses lines that do not come out even', () => {
    expect(() => rfEnvelope(new Int16Array(1000), 512)).toThrow(/do not make up/);
    expect(() => rfEnvelope(new Int16Array(20), 10)).toThrow(/at least/);
    expect(() => logCompress(new Float32Array(2), { topAmplitude: 0 })).toThrow(/above 0/);
  });
});
