import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { fromRotationVector, invertRigid, multiply4, Random } from '../../math/index.js';
import { framesInName, makeTrackedSequence, TransformChain, transformNames, turnedImage, turnToMarkedFar } from '../index.js';

const random = new Random(3);
const rigid = (): Float64Array => {
  const m = fromRotationVector(new Float64Array(16), [random.between(-2, 2), random.between(-2, 2), random.between(-2, 2)]);
  for (let r = 0; r < 3; r += 1) m[12 + r] = random.between(-100, 100);
  return m;
};
const rows = (m: ArrayLike<number>): string => Array.from({ length: 16 }, (_, n) => m[4 * (n % 4) + (n >> 2)]).join(' ');
const [probe, reference, phantom] = [rigid(), rigid(), rigid()];

async function frameWith(fields: Readonly<Record<string, string>>) {
  const list = Object.entries(fields).map(([key, value]) => ({ key, value }));
  const { frames } = await makeTrackedSequence({ frames: [[...list, { key: 'Timestamp', value: '1' }]] });
  return frames[0] as (typeof frames)[0];
}

const off = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (x, n) => Math.abs(x - (b[n] as number))));

describe('a chain of transforms', () => {
  it('goes through recorded and constant ones, whichever way they are told', async () => {
    const frame = await frameWith({
      ProbeToTrackerTransform: rows(probe),
      ProbeToTrackerTransformStatus: 'OK',
      ReferenceToTrackerTransform: rows(reference),
      ReferenceToTrackerTransformStatus: 'OK',
    });
    const constants = [{ from: 'Phantom', to: 'Reference', matrix: phantom }];
    const chain = new TransformChain('Probe', 'Phantom', transformNames([frame]), constants);
    const { matrix, status } = chain.at(frame);
    const inverse = (m: Float64Array): Float64Array => invertRigid(new Float64Array(16), m);
    const product = (a: Float64Array, b: Float64Array): Float64Array => multiply4(new Float64Array(16), a, b);
    expect(off(matrix, product(inverse(phantom), product(inverse(reference), probe)))).toBeLessThan(1e-9);
    expect(status).toBe('ok');
    expect(chain.recorded).toEqual(['ReferenceToTracker', 'ProbeToTracker']);
    const back = new TransformChain('Phantom', 'Probe', transformNames([frame]), constants).at(frame);
    expect(off(product(back.matrix, matrix), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])).toBeLessThan(1e-9);
  });

  it('takes the shortest way, and what was recorded before what is constant', async () => {
    const frame = await frameWith({ ProbeToReferenceTransform: rows(probe), ProbeToTrackerTransform: rows(reference) });
    const constants = [
      { from: 'Reference', to: 'Tracker', matrix: phantom },
      { from: 'Probe', to: 'Reference', matrix: phantom },
    ];
    const found = new TransformChain('Probe', 'Reference', transformNames([frame]), constants).at(frame);
    expect(off(found.matrix, probe)).toBe(0);
    expect(found.status).toBe('unknown');
  });

  it('is as good as the worst on its way, and missing where one is', async () => {
    const lost = await frameWith({ ProbeToTrackerTransform: rows(probe), ProbeToTrackerTransformStatus: 'INVALID' });
    const none = await frameWith({ StylusToTrackerTransform: rows(probe) });
    const chain = new TransformChain('Probe', 'Tracker', ['ProbeToTracker'], []);
    expect([chain.at(lost).status, chain.at(none).status]).toEqual(['missing', 'missing']);
  });

  it('that is not there is refused with what is known', () => {
    try {
      new TransformChain('Image', 'Reference', ['ProbeToTracker'], [{ from: 'Image', to: 'Probe', matrix: probe }], 'a.mha');
      expect.unreachable();
    } catch (error) {
      if (!isNavError(error, 'sequence/no-path')) throw error;
      expect(error.message).toBe('a.mha: nothing leads from Image to Reference. Known are ProbeToTracker, ImageToProbe.');
    }
  });

  it('knows two frames in a name, and none where it could be read in two ways', () => {
    expect(framesInName('ProbeToStepperHome')).toEqual({ from: 'Probe', to: 'StepperHome' });
    expect(framesInName('StylusTipTo3D')).toEqual({ from: 'StylusTip', to: '3D' });
    expect(['Stylus', 'AToBToC', 'ToTracker', 'Tomato'].map(framesInName)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('the orientation of images', () => {
  const turned = async (orientation: string): Promise<number[]> => {
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const images = { size: [3, 2] as const, elementType: 'MET_UCHAR', orientation, bytes: [pixels] };
    const sequence = await makeTrackedSequence({ frames: [[{ key: 'Timestamp', value: '1' }]], images });
    return [...turnedImage(pixels, [3, 2], turnToMarkedFar(sequence))];
  };

  it('becomes MF', async () => {
    expect(await turned('MF')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await turned('MFA')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await turned('XX')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await turned('UF')).toEqual([3, 2, 1, 6, 5, 4]);
    expect(await turned('MN')).toEqual([4, 5, 6, 1, 2, 3]);
    expect(await turned('UND')).toEqual([6, 5, 4, 3, 2, 1]);
  });

  it('of scan lines is refused', async () => {
    await expect(turned('FM')).rejects.toThrow(/"FM": scan lines/);
  });
});
