import { Random } from '@trocar/core/math';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { NWire, NWirePhantom } from '../calibration/probe/phantom.js';
import { PLUS_PHANTOMS, type PlusRecordingOptions, plusDeviceSet, plusRecording } from './test-support/plus-recording.js';
import { ask, Folder, matrixOf } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());

type Json = Record<string, unknown> & {
  outcome: string;
  code: string | null;
  message?: string;
  lagMs: number;
  lagSdMs: number;
  probeFromImage?: number[][];
  expectedErrorMm: { middle: number; corners: number[] };
  images: { used: number; withoutWires: number; withoutPose: number };
  warnings: { code: string; message: string }[];
  findings: { code: string; message: string }[];
};

/** What a recording is made with unless a test says otherwise: the lag and the errors of a usual set-up. */
const USUAL = { images: 44, lagMs: 120, poseNoise: [0.1, 0.001], dotNoise: 1 } as const;
type Made = (typeof PLUS_PHANTOMS)[number];

/** The command on a made-up recording, with a device set of `said` where that is another phantom; and how far it is off, mm. */
async function calibrated(
  { phantom, pixelScale }: Made,
  seed: number,
  options: PlusRecordingOptions = {},
  { said = phantom, args = [] }: { readonly said?: NWirePhantom; readonly args?: readonly string[] } = {},
): Promise<{ json: Json; exit: number; middleMm: number; cornerMm: number }> {
  const made = plusRecording(new Random(seed), { ...USUAL, ...options, phantom, pixelScale });
  const sequence = folder.write('r.igs.mha', made.bytes);
  const config = folder.write('c.xml', plusDeviceSet(said, 0.16 * pixelScale));
  const answer = await ask('probe', '--sequence', sequence, '--config', config, ...args);
  const json = answer.json as unknown as Json;
  const found = json.probeFromImage === undefined ? new Float64Array(16) : matrixOf(json.probeFromImage);
  const off = (u: number, v: number): number =>
    Math.hypot(
      ...[0, 1, 2].map((r) => {
        const d = (c: number): number => (found[c + r] as number) - (made.probeFromImage[c + r] as number);
        return d(0) * u + d(4) * v + d(12);
      }),
    );
  const cornerMm = Math.max(off(0, 0), off(409, 0), off(0, 307), off(409, 307));
  return { json, exit: answer.code, middleMm: off(205, 154), cornerMm };
}

const made = (name: string): Made => PLUS_PHANTOMS.find(({ phantom }) => phantom.name.startsWith(name)) as Made;
const codes = (list: readonly { readonly code: string }[]): string[] => list.map(({ code }) => code);

/** One way a file may be for each phantom, all of them for each where there is time. */
const WAYS: readonly (readonly [string, PlusRecordingOptions, readonly string[]])[] = [
  ['as PLUS writes it', {}, []],
  ['from the unmarked side', { orientation: 'UF' }, ['images-turned']],
  ['from below and unpacked', { orientation: 'UNA', compressed: false }, ['images-turned']],
  ['in colour, upside down', { colour: 'rgb', orientation: 'MN' }, ['images-in-colour', 'images-turned']],
  ['in colour with a channel for what covers', { colour: 'rgba' }, ['images-in-colour']],
  [
    'without every seventh pose, in the reference',
    { status: (n) => (n % 7 === 3 ? 'INVALID' : 'OK'), direct: true },
    ['without-pose'],
  ],
];
const cases = PLUS_PHANTOMS.flatMap((one, p) =>
  WAYS.filter((_, w) => inject('effort') > 1 || w === p).map((way) => [one.phantom.name, ...way, one] as const),
);

describe('a wire phantom that is not ours', () => {
  it.each(cases)('%s, recorded %s: the map and the lag', async (_, __, options, notes, phantom) => {
    const { json, exit, middleMm, cornerMm } = await calibrated(phantom, 12, options);
    expect([exit, json.outcome]).toEqual([0, 'ok']);
    expect(codes(json.warnings)).toEqual(expect.arrayContaining([...notes]));
    expect(middleMm).toBeLessThan(0.3);
    expect(cornerMm).toBeLessThan(1);
    expect(Math.abs(json.lagMs - USUAL.lagMs)).toBeLessThan(4 * json.lagSdMs + 4);
    expect(cornerMm).toBeLessThan(4 * Math.max(...json.expectedErrorMm.corners));
  });

  it('as large as it is, in five N-wires: bright spots that are no wires, and bands across the image', async () => {
    const { json, middleMm, cornerMm } = await calibrated(made('fCAL 3.1'), 12, { artefacts: 12 });
    expect(json.outcome).toBe('ok');
    expect([middleMm, cornerMm].every((mm) => mm < 0.6)).toBe(true);
    expect(json.images.used).toBeGreaterThan(0.9 * USUAL.images);
  });

  it.each(['fCal 1.0', 'fCal 1.2'])('%s beside bright bands', async (name) => {
    const { json, middleMm, cornerMm } = await calibrated(made(name), 8, { bands: 3 });
    expect(json.outcome).toBe('ok');
    expect(middleMm).toBeLessThan(0.3);
    expect(cornerMm).toBeLessThan(1);
    expect(json.images.used).toBeGreaterThan(0.8 * USUAL.images);
  });

  it('with a wire that is not seen in every fourth image: those are left out, by number', async () => {
    const { json, cornerMm } = await calibrated(made('fCal 2.0'), 6, { hidden: (n) => (n % 4 === 1 ? [4] : []) });
    expect(json.outcome).toBe('ok');
    expect(json.images.withoutWires).toBe(11);
    expect(codes(json.warnings)).toContain('without-wires');
    expect(cornerMm).toBeLessThan(1);
  });
});

/** A phantom with one N-wire put in another way. */
const changed = ({ name, patterns }: NWirePhantom, n: number, how: (pattern: NWire) => NWire): NWirePhantom => ({
  name,
  patterns: patterns.map((pattern, k) => (k === n ? how(pattern) : pattern)),
});

describe('a phantom described wrongly is named', () => {
  const two = made('fCal 2.0');
  const [a, b, c] = two.phantom.patterns as readonly [NWire, NWire, NWire];

  it.each<[string, NWirePhantom, RegExp]>([
    ['N-wires out of order', { name: 'x', patterns: [a, c, b] }, /calibration\/bad-option.*out of order/],
    [
      'sides the other way round in one of them',
      changed(two.phantom, 1, ([left, middle, right]) => [right, middle, left]),
      /calibration\/bad-option.*H3_l3.*from the other side/,
    ],
    [
      'the middle wire first',
      changed(two.phantom, 2, ([left, middle, right]) => [middle, left, right]),
      /calibration\/bad-option.*not parallel/,
    ],
    [
      'a middle wire that runs the other way',
      changed(two.phantom, 1, ([left, middle, right]) => [
        left,
        { ...middle, front: [middle.back[0], 0, 10], back: [middle.front[0], 40, 10] },
        right,
      ]),
      /wiring.*H3_l3/,
    ],
    ['another phantom', made('Lego').phantom, /calibration\/too-few-poses|poor-fit|wiring|pixel-shape|scale/],
  ])('%s', async (_, said, expected) => {
    const { json, exit } = await calibrated(two, 21, {}, { said, args: ['--lag', '120'] });
    expect(exit).toBe(1);
    expect(json.outcome).not.toBe('ok');
    const words = [json.code, json.message, ...(json.findings ?? []).map((f) => `${f.code} ${f.message}`)].join(' ');
    expect(words).toMatch(expected);
  });

  it('listed from the bottom, or from the other side as a whole, it is the same phantom', async () => {
    const bottomFirst = { name: 'x', patterns: [...two.phantom.patterns].reverse() };
    const otherSide = { name: 'x', patterns: two.phantom.patterns.map(([l, m, r]): NWire => [r, m, l]) };
    for (const said of [bottomFirst, otherSide]) {
      const { json, cornerMm } = await calibrated(two, 22, {}, { said, args: ['--lag', '120'] });
      expect([json.outcome, cornerMm < 1]).toEqual(['ok', true]);
    }
  });

  it('larger than it is by 1.5 %: a warning says what the tracked motion makes of it, and by how little it knows', async () => {
    const large: NWirePhantom = {
      name: 'x',
      patterns: two.phantom.patterns.map((pattern) =>
        pattern.map((w) => ({ ...w, front: w.front.map((x) => x * 1.015), back: w.back.map((x) => x * 1.015) })),
      ) as unknown as NWirePhantom['patterns'],
    };
    const more = { images: 90, poseNoise: [0.05, 0.0005], dotNoise: 0.5 } as const;
    const told = await calibrated(two, 23, more, { said: large, args: ['--lag', '120'] });
    expect(codes(told.json.warnings)).toContain('phantom-size');
    expect(told.json.warnings.find((w) => w.code === 'phantom-size')?.message).toMatch(/0\.98\d times/);
    const right = await calibrated(two, 23, more, { args: ['--lag', '120'] });
    expect(codes(right.json.warnings)).not.toContain('phantom-size');
  });
});

describe('recordings that cannot tell a lag', () => {
  it('of poses too far apart to read between: refused by name, and calibrated without a lag', async () => {
    const slow = { lagMs: 0, everyMs: 700 };
    const refused = await calibrated(made('fCal 1.2'), 31, slow);
    expect([refused.exit, refused.json.code]).toEqual([1, 'calibration/too-few-poses']);
    expect(refused.json.message).toMatch(/700 ms apart.*lag/);
    const { json, cornerMm } = await calibrated(made('fCal 1.2'), 31, slow, { args: ['--lag', 'zero'] });
    expect([json.outcome, cornerMm < 1]).toEqual(['ok', true]);
  });
});
