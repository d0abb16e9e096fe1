import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isLive, STATUSES, type Status } from '../../frames/index.js';
import { PALETTE } from '../palette.js';
import { CASES, type Case, SCENES } from './test-support/cases.js';
import { differing, golden, MOST_OTHER } from './test-support/golden.js';
import { countOf, type Picture, Rig } from './test-support/rig.js';

const rig = new Rig();
afterAll(() => rig.dispose());

const drawn = new Map<string, Picture>();

/** A picture of a graphic and a status, drawn once. */
function pictureOf({ name, picture }: Case, status: Status): Picture {
  const key = `${name} ${status}`;
  const known = drawn.get(key) ?? picture(rig, status);
  drawn.set(key, known);
  return known;
}

/** How many pixels have what only the present has: the live colour of a line, or a shell's blue, which its shading darkens. */
function livePixels(name: string, picture: Picture): number {
  if (name === 'structure') return bluish(picture);
  const colours = name === 'distance' ? [PALETTE.target] : name === 'view' ? [PALETTE.tool, PALETTE.target] : [PALETTE.tool];
  return colours.reduce((sum, c) => sum + countOf(picture, c), 0);
}

function bluish({ data }: Picture): number {
  let count = 0;
  for (let n = 0; n < data.length; n += 4) if ((data[n + 2] as number) - (data[n] as number) > 30) count += 1;
  return count;
}

/** Where a picture has something on its ground. */
function marked({ data }: Picture): Uint8Array {
  const out = new Uint8Array(data.length / 4);
  const ground = [11, 14, 18];
  for (let n = 0; n < out.length; n += 1) {
    if (ground.some((g, k) => Math.abs((data[4 * n + k] as number) - g) > 40)) out[n] = 1;
  }
  return out;
}

function apart(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, v, n) => sum + (v === b[n] ? 0 : 1), 0);
}

const POSED: readonly Status[] = ['ok', 'predicted', 'unknown', 'outOfVolume', 'stale', 'missing'];
const FLAT = ['bullseye', 'depth', 'view', 'structure'];

describe.each(CASES)('$name', (one) => {
  it('has its live colour for a live pose, and not one pixel of it for any other', () => {
    const counts = STATUSES.map((status) => livePixels(one.name, pictureOf(one, status)));
    expect(counts[0]).toBeGreaterThan(50);
    for (const [n, status] of STATUSES.entries()) if (!isLive(status)) expect(counts[n], status).toBe(0);
  });

  it('looks different in form, not only in colour, for each status', () => {
    const forms = POSED.map((status) => marked(pictureOf(one, status)));
    for (const [n, a] of forms.entries()) {
      for (const [m, b] of forms.slice(0, n).entries()) {
        expect(apart(a, b), `${POSED[n]} and ${POSED[m]}`).toBeGreaterThan(60);
      }
    }
  });

  // What is flat, or stands in the patient, stays without its numbers and pointers.
  if (!FLAT.includes(one.name))
    it('is not there when the tool is missing, from the first frame on', () => {
      for (const status of ['missing', 'disconnected'] as const) {
        expect(marked(pictureOf(one, status)).every((v) => v === 0)).toBe(true);
      }
    });

  it('is, with a pose that was not renewed, exactly what it is with a stale one', () => {
    const late = one.picture(rig, 'ok', 251);
    expect(differing(late, pictureOf(one, 'stale'))).toBe(0);
    expect(differing(one.picture(rig, 'ok', 249), pictureOf(one, 'ok'))).toBe(0);
  });
});

it('no graphic draws any pose better than it is, however old', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CASES),
      fc.constantFrom(...STATUSES),
      fc.integer({ min: 0, max: 3000 }),
      (one, status, ago) => {
        const live = isLive(status) && ago <= 250;
        const seen = livePixels(one.name, one.picture(rig, status, ago));
        if (!live) expect(seen).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});

/** Each graphic in its look for a live pose, and one or two others. */
const KEPT: readonly (readonly [graphic: string, status: Status])[] = [
  ['needle', 'ok'],
  ['needle', 'predicted'],
  ['needle', 'outOfVolume'],
  ['needle', 'stale'],
  ['probe', 'ok'],
  ['zone', 'ok'],
  ['distance', 'ok'],
  ['distance', 'stale'],
  ['ultrasound', 'ok'],
  ['ultrasound', 'stale'],
  ['bullseye', 'ok'],
  ['bullseye', 'unknown'],
  ['bullseye', 'missing'],
  ['depth', 'ok'],
  ['depth', 'outOfVolume'],
  ['view', 'ok'],
];

describe('the kept picture', () => {
  const caseOf = (name: string): Case => CASES.find((c) => c.name === name) as Case;

  it.each(KEPT)('of %s, %s, is drawn again, and not by another status', async (name, status) => {
    const one = caseOf(name);
    const kept = await golden(`${name}-${status}`, pictureOf(one, status));
    expect(differing(pictureOf(one, status), kept)).toBeLessThanOrEqual(MOST_OTHER);
    for (const other of POSED) {
      if (other !== status) expect(differing(pictureOf(one, other), kept), other).toBeGreaterThan(MOST_OTHER);
    }
  });

  it.each(Object.keys(SCENES))('of %s is drawn again', async (name) => {
    const picture = (SCENES[name] as (r: Rig) => Picture)(rig);
    const kept = await golden(name, picture);
    expect(differing(picture, kept)).toBeLessThanOrEqual(MOST_OTHER);
    // Another size, or an empty one, is not taken for it.
    const empty = { ...picture, data: new Uint8ClampedArray(picture.data.length).fill(11) };
    expect(differing(empty, kept)).toBeGreaterThan(MOST_OTHER);
  });

  it('is drawn again where the edges are smoothed in another way', async () => {
    const smooth = new Rig(true);
    try {
      for (const [name, status] of KEPT.filter(([n, t]) => t === 'ok' && ['needle', 'zone', 'ultrasound'].includes(n))) {
        const picture = caseOf(name).picture(smooth, status);
        const kept = await golden(`${name}-${status}`, pictureOf(caseOf(name), status));
        expect(picture.data.some((v, n) => v !== pictureOf(caseOf(name), status).data[n])).toBe(true);
        expect(differing(picture, kept)).toBeLessThanOrEqual(MOST_OTHER);
      }
    } finally {
      smooth.dispose();
    }
  });
});
