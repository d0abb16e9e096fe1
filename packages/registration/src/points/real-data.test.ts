import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { apply, compose, frame, invert, isNavError, type Point, point } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import { registerPoints } from './register-points.js';

const data = process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data');
const landmarks = resolve(data, 'brain-mr-us/landmarks');
const cis = resolve(data, 'tracking/cis');

const mr = frame('mr');
const us = frame('us');

/** Landmark pairs of an MNI tag file, which holds RAS millimetres, in LPS. */
function readTags(path: string): { readonly mr: Point<'mr'>[]; readonly us: Point<'us'>[] } {
  const text = readFileSync(path, 'utf8');
  const rows = text.slice(text.indexOf('Points =') + 8).split('\n');
  const numbers = rows
    .map((row) =>
      row
        .replace(/"[^"]*";?/, '')
        .trim()
        .split(/\s+/)
        .map(Number),
    )
    .filter((r) => r.length === 6);
  const lps = (r: readonly number[], at: number): number[] => [-(r[at] as number), -(r[at + 1] as number), r[at + 2] as number];
  return { mr: numbers.map((r) => point(mr, lps(r, 0))), us: numbers.map((r) => point(us, lps(r, 3))) };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe.skipIf(!existsSync(landmarks))('RESECT landmarks (TROCAR_DATA/brain-mr-us/landmarks)', () => {
  it('leaves the known floor of 1.12 mm after the best rigid fit, 1.29 mm leave-one-out, over 21 cases', () => {
    const files = readdirSync(landmarks).filter((f) => f.endsWith('.tag'));
    expect(files).toHaveLength(21);
    const fitted: number[] = [];
    const left: number[] = [];
    for (const file of files) {
      const tags = readTags(resolve(landmarks, file));
      const result = registerPoints(mr, us, tags.mr, tags.us);
      fitted.push(mean(result.residuals.map((r) => r.mm)));
      left.push(mean(result.residuals.map((r) => r.leaveOneOutMm)));
    }
    expect(mean(fitted)).toBeCloseTo(1.12, 2);
    expect(mean(left)).toBeCloseTo(1.29, 2);
  });

  it('refuses by name the usual mistakes made with these points: one side in RAS, in metres, mirrored', () => {
    const flipped = (points: readonly Point<'us'>[], x: number, y: number, s = 1): Point<'us'>[] =>
      points.map((p) => point(us, [s * x * (p.xyz[0] as number), s * y * (p.xyz[1] as number), s * (p.xyz[2] as number)]));
    const counts = new Map<string, number>();
    const count = (what: string, from: (tags: ReturnType<typeof readTags>) => Point<'us'>[]): void => {
      for (const file of readdirSync(landmarks).filter((f) => f.endsWith('.tag'))) {
        const tags = readTags(resolve(landmarks, file));
        let code = 'none';
        try {
          registerPoints(mr, us, tags.mr, from(tags));
        } catch (error) {
          if (!isNavError(error)) throw error;
          code = error.code;
        }
        counts.set(`${what}: ${code}`, (counts.get(`${what}: ${code}`) ?? 0) + 1);
      }
    };
    count('RAS', (tags) => flipped(tags.us, -1, -1));
    count('metres', (tags) => flipped(tags.us, 1, 1, 1e-3));
    count('mirrored', (tags) => flipped(tags.us, -1, 1));
    expect(Object.fromEntries(counts)).toEqual({
      'RAS: registration/ras-lps': 21,
      'metres: registration/units': 21,
      'mirrored: registration/mirrored': 21,
    });
  });
});

/** A file of the CIS course: a header of counts and a name, then rows of three numbers. */
function readCis(name: string): { readonly counts: number[]; readonly rows: number[][] } {
  const [header = '', ...rows] = readFileSync(resolve(cis, name), 'utf8').trim().split(/\r?\n/);
  const numbers = (line: string): number[] => line.split(',').map((x) => Number.parseFloat(x));
  return { counts: numbers(header).filter((x) => !Number.isNaN(x)), rows: rows.map(numbers) };
}

const em = frame('em');
const optical = frame('optical');
const body = frame('body');

/** Differences between the expected readings from registering the two tracked bodies and the published ones, mm. */
function readingErrors(set: string): number[] {
  const calbody = readCis(`${set}-calbody.txt`);
  const [nD = 0, nA = 0, nC = 0] = calbody.counts;
  const d = calbody.rows.slice(0, nD).map((r) => point(em, r));
  const a = calbody.rows.slice(nD, nD + nA).map((r) => point(body, r));
  const c = calbody.rows.slice(nD + nA, nD + nA + nC).map((r) => point(body, r));
  const readings = readCis(`${set}-calreadings.txt`);
  const published = readCis(`${set}-output1.txt`).rows.slice(2);
  const errors: number[] = [];
  for (let f = 0; f < (readings.counts[3] as number); f += 1) {
    const rows = readings.rows.slice(f * (nD + nA + nC), (f + 1) * (nD + nA + nC));
    const seen = (from: number, to: number): Point<'optical'>[] => rows.slice(from, to).map((r) => point(optical, r));
    const emFromOptical = invert(registerPoints(optical, em, seen(0, nD), d).edge);
    const emFromBody = compose(emFromOptical, registerPoints(optical, body, seen(nD, nD + nA), a).edge);
    c.forEach((p, k) => {
      const { xyz } = apply(emFromBody, p);
      const expected = published[f * nC + k] as number[];
      for (let i = 0; i < 3; i += 1) errors.push((xyz[i] as number) - (expected[i] as number));
    });
  }
  return errors;
}

describe.skipIf(!existsSync(cis))('CIS course data (TROCAR_DATA/tracking/cis)', () => {
  it.each([
    // Input and output are rounded to 0.01 mm.
    ['pa1-debug-a', 0.011],
    // Here the base's markers are rounded too, and the readings lie ten marker spacings away from them.
    ['pa1-debug-d', 0.03],
  ])('%s: expected readings equal the published ones', (set, toleranceMm) => {
    expect(Math.max(...readingErrors(set).map(Math.abs))).toBeLessThan(toleranceMm);
  });

  it.each(['pa1-debug-b', 'pa1-debug-c'])(
    '%s: they differ by the noise that was published with them, ±0.5 mm, and no bias',
    (set) => {
      const errors = readingErrors(set);
      expect(Math.abs(mean(errors))).toBeLessThan(0.04);
      expect(Math.sqrt(mean(errors.map((e) => e * e)))).toBeLessThan(0.5 / Math.sqrt(3) + 0.005);
    },
  );
});
