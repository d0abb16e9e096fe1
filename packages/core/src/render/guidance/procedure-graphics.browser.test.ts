import { afterAll, describe, expect, it } from 'vitest';
import { isLive, STATUSES, type Status } from '../../frames/index.js';
import { PALETTE } from '../palette.js';
import { MARGIN_STEPS } from './index.js';
import type { Case } from './test-support/cases.js';
import { differing, golden, MOST_OTHER } from './test-support/golden.js';
import { LIVE_CASES, mirrored, STILLS } from './test-support/procedure-scenes.js';
import { type Picture, Rig } from './test-support/rig.js';

const rig = new Rig();
afterAll(() => rig.dispose());

const drawn = new Map<string, Picture>();
function once(key: string, draw: () => Picture): Picture {
  const known = drawn.get(key) ?? draw();
  drawn.set(key, known);
  return known;
}

const live = (one: Case, status: Status): Picture => once(`${one.name} ${status}`, () => one.picture(rig, status));
const still = (name: string): Picture => once(name, () => (STILLS[name] as (r: Rig) => Picture)(rig));

/**
 * What only the present has. Of margins the middle steps' hues, within 40 of 255 a channel, for a surface is shaded a little; of zones the colours of a
 * live tool.
 */
const LIVE_HUES: Readonly<Record<string, readonly [colours: readonly string[], within: number]>> = {
  margin: [MARGIN_STEPS.slice(1, 3).map(({ colour }) => colour), 40],
  probes: [[PALETTE.tool, PALETTE.predicted], 12],
};

function livePixels(name: string, { data }: Picture): number {
  const [hexes, within] = LIVE_HUES[name.split('-')[0] as string] as NonNullable<(typeof LIVE_HUES)[string]>;
  const colours = hexes.map((hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
  let count = 0;
  for (let n = 0; n < data.length; n += 4) {
    if (colours.some((c) => c.every((v, k) => Math.abs(v - (data[n + k] as number)) <= within))) count += 1;
  }
  return count;
}

function marked({ data }: Picture): Uint8Array {
  return Uint8Array.from({ length: data.length / 4 }, (_, n) =>
    [11, 14, 18].some((g, k) => Math.abs((data[4 * n + k] as number) - g) > 40) ? 1 : 0,
  );
}

/** How many pixels are ink in one and ground in the other: form alone, without colour. */
function apart(a: Picture, b: Picture): number {
  const [p, q] = [marked(a), marked(b)];
  return p.reduce((sum, v, n) => sum + (v === q[n] ? 0 : 1), 0);
}

const POSED: readonly Status[] = ['ok', 'predicted', 'unknown', 'outOfVolume', 'stale', 'missing'];

describe.each(LIVE_CASES)('$name', (one) => {
  it('shows what is of the present for a live pose, and not one pixel of it for any other', () => {
    for (const status of STATUSES) {
      const count = livePixels(one.name, live(one, status));
      if (isLive(status)) expect(count, status).toBeGreaterThan(300);
      else expect(count, status).toBe(0);
    }
  });

  it('differs in form, not only in colour, from status to status', () => {
    for (const [n, a] of POSED.entries()) {
      for (const b of POSED.slice(0, n)) expect(apart(live(one, a), live(one, b)), `${a} and ${b}`).toBeGreaterThan(40);
    }
  });

  it('is, with a pose that was not renewed, exactly what it is with a stale one', () => {
    expect(differing(one.picture(rig, 'ok', 251), live(one, 'stale'))).toBe(0);
    expect(differing(one.picture(rig, 'ok', 249), live(one, 'ok'))).toBe(0);
  });

  it.each(['ok', 'predicted', 'stale'] as const)(
    '%s: its kept picture is drawn again; neither mirrored nor by another status',
    async (status) => {
      const kept = await golden(`${one.name}-${status}`, live(one, status));
      expect(differing(live(one, status), kept)).toBeLessThanOrEqual(MOST_OTHER);
      expect(differing(mirrored(live(one, status)), kept), 'mirrored').toBeGreaterThan(MOST_OTHER);
      for (const other of POSED) {
        if (other !== status) expect(differing(live(one, other), kept), other).toBeGreaterThan(MOST_OTHER);
      }
    },
  );
});

describe('the kept picture of', () => {
  it.each(Object.keys(STILLS))('%s is drawn again; neither mirrored nor as another of its kind', async (name) => {
    const kept = await golden(name.replace(':', '-'), still(name));
    expect(differing(still(name), kept)).toBeLessThanOrEqual(MOST_OTHER);
    expect(differing(mirrored(still(name)), kept), 'mirrored').toBeGreaterThan(MOST_OTHER);
    const group = name.split(':')[0] as string;
    for (const other of Object.keys(STILLS)) {
      if (other !== name && other.startsWith(`${group}:`)) {
        expect(differing(still(other), kept), other).toBeGreaterThan(MOST_OTHER);
        expect(apart(still(other), still(name)), `${other}, form`).toBeGreaterThan(40);
      }
    }
  });
});
