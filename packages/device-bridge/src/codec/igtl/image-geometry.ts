import { type Frame, NavError } from '@trocar/core';
import { type AnyVolume, type PatientIdentity, requireNoShear, type Volume, type VoxelArray, volume } from '@trocar/core/volume';
import type { ImageContent } from './image.js';
import { bytesOf, HOST_LITTLE_ENDIAN, numbersOf, scalarTypeOf } from './scalar.js';

/**
 * The place of an image block: 16 doubles, column-major, LPS, mm, with index (0, 0, 0) the CENTRE of the block's first
 * voxel.
 *
 * The sender gives the middle of the whole image, half-way between the centres of its first and last voxels:
 * first voxel = centre − Σ axis · (n − 1)/2 (as OpenIGTLinkIO and PLUS do it), then on by the block's start.
 */
export function imageGeometry(
  image: Pick<ImageContent, 'axes' | 'centre' | 'size' | 'blockStart' | 'coordinates'>,
): Float64Array {
  const out = new Float64Array(16);
  out[15] = 1;
  for (let row = 0; row < 3; row += 1) {
    // LPS is RAS with its first two axes turned round.
    const sign = image.coordinates === 'RAS' && row < 2 ? -1 : 1;
    let first = image.centre[row] as number;
    for (let c = 0; c < 3; c += 1) {
      const step = image.axes[3 * c + row] as number;
      out[4 * c + row] = sign * step;
      first += step * ((image.blockStart[c] as number) - ((image.size[c] as number) - 1) / 2);
    }
    out[12 + row] = sign * first;
  }
  return out;
}

/**
 * The block's numbers in this machine's byte order: a view of the pixels where that is possible, a copy otherwise.
 * Components are interleaved.
 */
export function imageVoxels(image: Pick<ImageContent, 'pixels' | 'scalarType' | 'pixelsLittleEndian'>): VoxelArray {
  return numbersOf(image.scalarType, image.pixels, image.pixelsLittleEndian);
}

/**
 * An image block as a volume in `frame`, LPS. The protocol names no Frame of Reference and no rescale: the voxels are
 * taken as the values they are, and the volume says so.
 * @param identity what IMGMETA or the caller knows of it
 * @throws NavError `igtl/unsupported` for colour images; `volume/bad-geometry` where the axes are no axes
 */
export function volumeFromImage<F extends string>(
  frame: Frame<F>,
  image: ImageContent,
  identity: { readonly modality?: string; readonly patient?: PatientIdentity } = {},
): Volume<F> {
  if (image.components !== 1) {
    throw new NavError(
      'igtl/unsupported',
      `An image of ${image.components} numbers per voxel is no scalar volume. Use imageVoxels().`,
    );
  }
  return volume({
    frame,
    voxels: imageVoxels(image),
    size: image.blockSize,
    frameFromIndex: imageGeometry(image),
    warnings: [{ code: 'no-frame-of-reference', message: 'OpenIGTLink names no Frame of Reference for images.' }],
    ...identity,
  });
}

/**
 * A volume as an IMAGE to send, whole. Sent as RAS unless asked otherwise: Slicer and PLUS take every image for RAS,
 * whatever its flag says. A rescale that does something is applied, in single precision.
 * @throws NavError `igtl/unsupported` over 65535 voxels along an axis; `volume/sheared`
 */
export function imageFromVolume(v: AnyVolume, coordinates: 'RAS' | 'LPS' = 'RAS'): ImageContent {
  requireNoShear(v, 'Sending an image over OpenIGTLink');
  if (v.size.some((n) => n > 0xffff)) {
    throw new NavError('igtl/unsupported', `An image of ${v.size.join(' × ')} voxels: OpenIGTLink counts to 65535 an axis.`);
  }
  const axes = new Float64Array(9);
  const centre = new Float64Array(3);
  for (let row = 0; row < 3; row += 1) {
    const sign = coordinates === 'RAS' && row < 2 ? -1 : 1;
    let middle = v.frameFromIndex[12 + row] as number;
    for (let c = 0; c < 3; c += 1) {
      const step = v.frameFromIndex[4 * c + row] as number;
      axes[3 * c + row] = sign * step;
      middle += step * (((v.size[c] as number) - 1) / 2);
    }
    centre[row] = sign * middle;
  }
  const voxels = rescaled(v);
  return {
    kind: 'image',
    version: 1,
    components: 1,
    scalarType: scalarTypeOf(voxels),
    pixelsLittleEndian: HOST_LITTLE_ENDIAN,
    coordinates,
    size: v.size,
    axes,
    centre,
    blockStart: [0, 0, 0],
    blockSize: v.size,
    pixels: bytesOf(voxels, HOST_LITTLE_ENDIAN),
  };
}

function rescaled(v: AnyVolume): VoxelArray {
  const { slope, intercept } = v.rescale;
  if (slope === 1 && intercept === 0) return v.voxels;
  return Float32Array.from(v.voxels, (stored) => slope * stored + intercept);
}
