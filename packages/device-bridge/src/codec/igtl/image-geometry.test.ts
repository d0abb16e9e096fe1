import { frame } from '@trocar/core';
import { spacingOf, volume } from '@trocar/core/volume';
import { describe, expect, it } from 'vitest';
import {
  decodeIgtl,
  encodeIgtl,
  IgtlFramer,
  type ImageContent,
  imageFromVolume,
  imageGeometry,
  imageVoxels,
  volumeFromImage,
} from './index.js';

const ct = frame('ct');

/** i runs to the patient's right, j to the back, k up; 0.5 × 0.25 × 2 mm; the first voxel at LPS (10, −20, 30). */
const lpsFromIndex = Float64Array.from([-0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0, 2, 0, 10, -20, 30, 1]);
const voxels = Int16Array.from({ length: 5 * 4 * 3 }, (_, i) => 256 * i - 1000);
const known = volume({ frame: ct, voxels, size: [5, 4, 3], frameFromIndex: lpsFromIndex });

/** Through the wire. */
function sent(image: ImageContent): ImageContent {
  let out: ImageContent | undefined;
  const framer = new IgtlFramer({
    message: (f) => {
      const { content } = decodeIgtl(f);
      if (content.kind === 'image') out = content;
    },
    fault: (fault) => expect.unreachable(fault.message),
  });
  framer.feed(encodeIgtl({ type: 'IMAGE', device: 'ct', content: image }));
  return out ?? expect.unreachable('no image');
}

describe('image geometry', () => {
  it('is written as RAS about the centre: numbers worked out by hand', () => {
    const image = imageFromVolume(known);
    expect(image.coordinates).toBe('RAS');
    // Steps: right is +R, back is −A, up is +S.
    expect([...image.axes]).toEqual([0.5, -0, 0, -0, -0.25, 0, -0, -0, 2]);
    // LPS centre: 10 − 0.5·2, −20 + 0.25·1.5, 30 + 2·1.
    expect([...image.centre]).toEqual([-9, 19.625, 32]);
  });

  it('is written as LPS where asked: no sign turns', () => {
    const image = imageFromVolume(known, 'LPS');
    expect([...image.axes]).toEqual([-0.5, 0, 0, 0, 0.25, 0, 0, 0, 2]);
    expect([...image.centre]).toEqual([9, -19.625, 32]);
  });

  it.each(['RAS', 'LPS'] as const)('comes back through %s, and is another under the other flag', (coordinates) => {
    const image = sent(imageFromVolume(known, coordinates));
    expect([...imageGeometry(image)]).toEqual([...lpsFromIndex]);
    const flipped = imageGeometry({ ...image, coordinates: coordinates === 'RAS' ? 'LPS' : 'RAS' });
    expect([...flipped.subarray(12, 15)]).toEqual([-10, 20, 30]);
  });

  it('takes the position for the centre, (n − 1)/2 steps from the first voxel, and not for the corner', () => {
    const image = { axes: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), centre: new Float64Array(3), coordinates: 'LPS' as const };
    const at = imageGeometry({ ...image, size: [256, 3, 1], blockStart: [0, 0, 0] });
    expect([...at.subarray(12, 15)]).toEqual([-127.5, -1, 0]);
  });

  it('has the steps of i, j, k in its columns, in that order', () => {
    const axes = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 10);
    const at = imageGeometry({ axes, centre: new Float64Array(3), coordinates: 'LPS', size: [1, 1, 1], blockStart: [0, 0, 0] });
    expect([...at]).toEqual([1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 10, 0, 0, 0, 0, 1]);
  });

  it('of a block is that of its first voxel within the whole', () => {
    const image = imageFromVolume(known);
    const block = { ...image, blockStart: [1, 2, 1] as const, blockSize: [2, 2, 2] as const, pixels: image.pixels.slice(0, 16) };
    const v = volumeFromImage(ct, sent(block));
    expect(v.size).toEqual([2, 2, 2]);
    expect(Array.from(v.frameFromIndex).slice(12, 15)).toEqual([10 - 0.5, -20 + 0.5, 30 + 2]);
    expect(spacingOf(v)).toEqual([0.5, 0.25, 2]);
  });

  it('of a block outside its image is refused', () => {
    const image = { ...imageFromVolume(known), blockStart: [1, 0, 0] as const };
    expect(() => sent(image)).toThrow(expect.objectContaining({ code: 'igtl/size-mismatch' }));
  });
});

describe('image voxels', () => {
  it.each([true, false])('come back with the pixels little-endian: %s, and are others under the other flag', (little) => {
    const image = imageFromVolume(known);
    const pixels = little ? image.pixels : new Uint8Array(image.pixels).map((_, i, all) => all[i ^ 1] as number);
    const back = sent({ ...image, pixels, pixelsLittleEndian: little });
    expect([...imageVoxels(back)]).toEqual([...voxels]);
    const flipped = imageVoxels({ ...back, pixelsLittleEndian: !little });
    expect(flipped[1]).not.toBe(voxels[1]);
  });

  it.each([
    [2, Int8Array],
    [3, Uint8Array],
    [4, Int16Array],
    [5, Uint16Array],
    [6, Int32Array],
    [7, Uint32Array],
    [10, Float32Array],
    [11, Float64Array],
  ] as const)('of type %i are an array of their own kind, from any place in memory', (scalarType, make) => {
    const values = make.from([1, 2, 100]);
    const buffer = new Uint8Array(1 + values.byteLength);
    buffer.set(new Uint8Array(values.buffer), 1);
    const back = imageVoxels({ scalarType, pixels: buffer.subarray(1), pixelsLittleEndian: true });
    expect(back).toEqual(values);
    const image = imageFromVolume(volume({ frame: ct, voxels: values, size: [3, 1, 1], frameFromIndex: lpsFromIndex }));
    expect(image.scalarType).toBe(scalarType);
    expect(volumeFromImage(ct, sent(image)).voxels).toEqual(values);
  });

  it('carry a rescale with them, as the values that they mean', () => {
    const rescale = { slope: 2, intercept: -1024 };
    const v = volume({ frame: ct, voxels: Int16Array.of(0, 5), size: [2, 1, 1], frameFromIndex: lpsFromIndex, rescale });
    expect([...volumeFromImage(ct, sent(imageFromVolume(v))).voxels]).toEqual([-1024, -1014]);
  });

  it('of colour, of shear and of too many voxels are refused', () => {
    const colour = { ...imageFromVolume(known), components: 3, blockSize: [1, 1, 1] as const, pixels: new Uint8Array(6) };
    expect(() => volumeFromImage(ct, colour)).toThrow(expect.objectContaining({ code: 'igtl/unsupported' }));
    const tilted = Float64Array.from(lpsFromIndex);
    tilted[9] = 1;
    expect(() => imageFromVolume({ ...known, frameFromIndex: tilted })).toThrow(
      expect.objectContaining({ code: 'volume/sheared' }),
    );
    expect(() => imageFromVolume({ ...known, size: [70_000, 1, 1] })).toThrow(
      expect.objectContaining({ code: 'igtl/unsupported' }),
    );
  });
});
