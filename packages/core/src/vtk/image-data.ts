import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray.js';
import vtkImageData from '@kitware/vtk.js/Common/DataModel/ImageData.js';
import { type AnyVolume, requireNoShear, spacingOf } from '../volume/index.js';

/** What vtk.js's declarations lose under Node's module resolution, for they import each other without an extension. */
interface Untyped {
  setDirection(columns: Float64Array): boolean;
  getPointData(): { setScalars(array: unknown): boolean };
}

/**
 * A volume as vtk.js image data, in the volume's own frame (LPS mm), with rescaled values.
 *
 * The voxels are shared, not copied, where there is nothing to rescale; else they become floats. vtk.js keeps its
 * direction by columns: the first three numbers are the direction of i.
 * @throws NavError `volume/sheared`: image data has no place for shear
 */
export function toVtkImageData(v: AnyVolume): vtkImageData {
  requireNoShear(v, 'Making vtk.js image data');
  const m = v.frameFromIndex;
  const spacing = spacingOf(v);
  const direction = [0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => (m[4 * c + r] as number) / (spacing[c] as number)));
  const { slope, intercept } = v.rescale;
  const values = slope === 1 && intercept === 0 ? v.voxels : Float32Array.from(v.voxels, (x) => slope * x + intercept);
  const image = vtkImageData.newInstance({
    spacing,
    origin: [m[12] as number, m[13] as number, m[14] as number],
  });
  image.setDimensions(v.size[0], v.size[1], v.size[2]);
  (image as unknown as Untyped).setDirection(Float64Array.from(direction));
  const scalars = vtkDataArray.newInstance({ name: 'values', numberOfComponents: 1, values });
  (image as unknown as Untyped).getPointData().setScalars(scalars);
  return image;
}
