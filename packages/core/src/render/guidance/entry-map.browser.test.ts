import { Vector3 } from 'three';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { frame } from '../../frames/index.js';
import { TRAJECTORY_REFUSALS, type TrajectorySearch } from '../../guidance/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { PALETTE } from '../palette.js';
import { EntryLegend, EntryMap } from './index.js';
import { entries, SEARCH, SKIN, vertexAt } from './test-support/procedure-scenes.js';
import { countOf, host, type Picture, Rig, SIZE } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
afterAll(() => rig.dispose());

/** Red, green and blue at the place where a point of the frame is seen, the mean over 9 × 9 pixels. */
function at({ data }: Picture, xyz: readonly [number, number, number]): number[] {
  const p = new Vector3(...xyz).project(rig.camera);
  const [x, y] = [Math.round(((p.x + 1) / 2) * SIZE), Math.round(((1 - p.y) / 2) * SIZE)];
  const sum = [0, 0, 0];
  for (let v = y - 4; v <= y + 4; v += 1) {
    for (let u = x - 4; u <= x + 4; u += 1)
      for (let k = 0; k < 3; k += 1) sum[k] = (sum[k] as number) + (data[4 * (v * SIZE + u) + k] as number) / 81;
  }
  return sum;
}

describe('on the skin', () => {
  it('an entry is where its vertex is: possible ones green, the better the lighter; forbidden ones red, shapes that do not go grey', () => {
    const seen = rig.draw([entries(rig)]);
    const on = (x: number, z: number): [number, number, number] => [x, -44 * Math.sqrt(1 - (x / 64) ** 2 - (z / 52) ** 2), z];
    const [best, worse, forbidden, oblique] = [
      at(seen, on(-14, 6)),
      at(seen, on(-40, 6)),
      at(seen, on(12, -8)),
      at(seen, on(50, 0)),
    ] as [number[], number[], number[], number[]];
    const greener = (c: number[]): number => (c[1] as number) - (c[0] as number);
    expect(greener(best)).toBeGreaterThan(10);
    expect(greener(worse)).toBeGreaterThan(10);
    expect((best[0] as number) + (best[1] as number)).toBeGreaterThan((worse[0] as number) + (worse[1] as number) + 60);
    expect(greener(forbidden)).toBeLessThan(-20);
    expect(Math.abs(greener(oblique))).toBeLessThan(12);
    // On the other side, where a picture with left and right exchanged would have the forbidden disc, entries are possible.
    expect(greener(at(seen, on(-24, -8)))).toBeGreaterThan(10);
  });

  it('that was not searched has no colour of either', () => {
    const g = entries(rig);
    g.setSearch(undefined);
    const { data } = rig.draw([g]);
    let coloured = 0;
    for (let n = 0; n < data.length; n += 4) if (Math.abs((data[n] as number) - (data[n + 1] as number)) > 25) coloured += 1;
    expect(coloured).toBe(0);
    expect(g.status).toBe('unknown');
  });

  it('the pin of an entry behind the body is broken', () => {
    const pin = (xyz: readonly number[]): number => {
      const g = entries(rig, SEARCH, vertexAt(rig, xyz));
      // The words are alike: what differs is the pin.
      return countOf(rig.draw([g]), PALETTE.text);
    };
    expect(pin([-14, -44, 6]) - pin([-14, 44, 6])).toBeGreaterThan(25);
  });
});

it('a skin of 100 000 triangles is coloured in a fifth of a second, and no frame after that sends any of it to the GPU again', () => {
  const skin = ellipsoidMesh(CT, [0, 0, 0], [160, 110, 200], 112);
  const vertices = skin.positions.length / 3;
  expect(skin.triangles.length / 3).toBeGreaterThan(100_000);
  const g = rig.keep(new EntryMap({ skin }));
  const search: TrajectorySearch = {
    ...SEARCH,
    refusals: Uint8Array.from({ length: vertices }, (_, n) => (n % 5 === 0 ? TRAJECTORY_REFUSALS.tooNear : 0)),
    scores: Float64Array.from({ length: vertices }, (_, n) => (n % 5 === 0 ? Number.NaN : (n % 97) / 97)),
    ranked: Uint32Array.of(96, 1),
  };
  const times = Array.from({ length: 5 }, () => {
    const from = performance.now();
    g.setSearch(search);
    return performance.now() - from;
  }).sort((a, b) => a - b);
  console.log(`setSearch of ${vertices} vertices: ${times[2]?.toFixed(1)} ms`);
  expect(times[2]).toBeLessThan(200);
  rig.draw([g]);
  const gl = rig.renderer.getContext() as WebGL2RenderingContext;
  const sent = [vi.spyOn(gl, 'bufferData'), vi.spyOn(gl, 'bufferSubData')];
  for (let n = 0; n < 3; n += 1) rig.draw([g]);
  // Only the pin's one segment is laid anew.
  const bytes = sent.flatMap((spy) =>
    spy.mock.calls.map((call) => (call as unknown[]).map((a) => (ArrayBuffer.isView(a) ? a.byteLength : 0))),
  );
  for (const call of bytes) expect(Math.max(...call)).toBeLessThan(1024);
  vi.restoreAllMocks();
});

it('counts every kind, tells the scores, and says why a chosen entry is refused', () => {
  const there = host();
  const g = entries(rig);
  const legend = new EntryLegend(there, g);
  const texts = (): (string | null)[] => [...legend.element.querySelectorAll('td')].map((c) => c.textContent);
  const count = (test: (bits: number) => boolean): string => String(SEARCH.refusals.filter(test).length);
  const { tooDeep, tooOblique, offDirection, tooNear } = TRAJECTORY_REFUSALS;
  expect(texts().slice(0, 6)).toEqual([
    count((b) => b === 0),
    count((b) => b === tooNear),
    count((b) => b === tooOblique),
    count((b) => b === (tooDeep | tooOblique)),
    count((b) => b === offDirection),
    '0',
  ]);
  expect(texts()[6]).toMatch(/^0\.\d\d – 0\.7\d$/);
  g.setSearch(undefined);
  legend.settle();
  expect(texts()).toEqual(['–', '–', '–', '–', '–', '–', '–']);
  legend.dispose();
  there.remove();
});

it('refuses a search of another skin and an entry that is none', () => {
  const g = entries(rig);
  const bad = { ...SEARCH, refusals: SEARCH.refusals.slice(1) };
  expect(() => g.setSearch(bad)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  for (const entry of [-1, 0.5, SKIN.positions.length / 3])
    expect(() => g.choose(entry)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
});
