import { describe, expect, it } from 'vitest';
import { affineTransform, frame } from '../frames/index.js';
import { identity4 } from '../math/index.js';
import { volume } from '../volume/index.js';
import { Fusion, type FusionLook } from './fusion.js';

const CT = frame('ct');
const MR = frame('mr');
const told: string[] = [];
const owner = { looked: () => void told.push('looked'), removed: () => void told.push('removed') };

function fusion(look: FusionLook = {}): Fusion<'ct', 'mr'> {
  const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 5, 6, 7, 1);
  const voxels = Int16Array.from({ length: 64 }, (_, n) => n);
  const v = volume({ frame: MR, voxels, size: [4, 4, 4], frameFromIndex });
  return new Fusion(v, affineTransform(CT, MR, identity4()), look, CT, owner);
}

describe('what cannot be drawn is refused, by name', () => {
  const looks: readonly FusionLook[] = [
    { fraction: 1.2 },
    { fraction: Number.NaN },
    { squareMm: 0 },
    { radiusPx: -3 },
    { edgePerMm: Number.POSITIVE_INFINITY },
    { colour: 'red' },
    { edgeColour: '#12' },
    { mode: 'swipe' as 'blend' },
    { window: { width: 0, level: 3 } },
    { window: { width: 3, level: Number.NaN } },
  ];
  for (const look of looks) {
    it(`${Object.entries(look).map(([k, v]) => `${k} ${typeof v === 'object' ? `${v.width}, ${v.level}` : v}`)}`, () => {
      const name = Object.keys(look)[0] as string;
      expect(() => fusion(look)).toThrow(new RegExp(`"${name}" needs`));
      const made = fusion();
      const before = made.look;
      expect(() => made.setLook(look)).toThrow(new RegExp(`"${name}" needs`));
      expect(made.look).toEqual(before);
    });
  }

  it('a transform between other frames', () => {
    const backwards = affineTransform(MR, CT, identity4());
    // @ts-expect-error: it does not compile either.
    expect(() => fusion().move(backwards)).toThrow(/Placing a second volume/);
    const from = affineTransform(CT, CT, identity4());
    // @ts-expect-error
    expect(() => fusion().move(from)).toThrow(/Placing a second volume/);
  });
});

describe('a second volume', () => {
  it('changes only what it is told to of its look', () => {
    const made = fusion({ mode: 'checkerboard', squareMm: 12 });
    made.setLook({ fraction: 0.25 });
    expect(made.look).toMatchObject({ mode: 'checkerboard', squareMm: 12, fraction: 0.25 });
    expect(told).toContain('looked');
  });

  it('lies where it is moved to, from where its own grid lies', () => {
    const made = fusion();
    expect([...made.frameFromIndex.subarray(12, 15)]).toEqual([5, 6, 7]);
    const before = made.revision;
    made.move(affineTransform(CT, MR, Float64Array.of(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 100, 0, 0, 1)));
    expect(made.revision).toBeGreaterThan(before);
    expect([...made.frameFromIndex]).toEqual([0, 2, 0, 0, -3, 0, 0, 0, 0, 0, 4, 0, 94, 5, 7, 1]);
  });
});
