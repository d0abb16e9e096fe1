import vtkPolyData from '@kitware/vtk.js/Common/DataModel/PolyData.js';
import vtkWindowedSinc from '@kitware/vtk.js/Filters/General/WindowedSincPolyDataFilter.js';
import type { Isosurface } from './surface-mesh.js';

/** What we use of vtk.js's poly data: its declarations do not reach that far under Node's module resolution. */
interface PolyData {
  getPoints(): { setData(data: Float32Array, components: number): void };
  getPolys(): { setData(data: Uint32Array): void };
  delete(): void;
}

/** Of the mesh's highest frequency: what is finer than this is taken away. VTK's own default. */
const PASS_BAND = 0.1;

/**
 * A mesh without its stairs, by vtk.js's windowed sinc filter (Taubin, Zhang & Golub 1996): a low pass that, unlike Laplacian smoothing,
 * does not shrink. The triangles stay; points move and normals follow.
 */
export function windowedSinc({ positions, indices, errorMm }: Isosurface, iterations: number): Isosurface {
  const input = vtkPolyData.newInstance() as unknown as PolyData;
  input.getPoints().setData(Float32Array.from(positions), 3);
  const polys = new Uint32Array((indices.length / 3) * 4);
  for (let t = 0, n = 0; n < indices.length; t += 4, n += 3) {
    polys[t] = 3;
    polys.set(indices.subarray(n, n + 3), t + 1);
  }
  input.getPolys().setData(polys);
  // Coordinates are brought to ±1 meanwhile: their floats are far from the origin else.
  const filter = vtkWindowedSinc.newInstance({ numberOfIterations: iterations, passBand: PASS_BAND, normalizeCoordinates: 1 });
  filter.setInputData(input);
  filter.update();
  const moved = Float32Array.from(filter.getOutputData().getPoints().getData());
  filter.delete();
  input.delete();
  return { positions: moved, normals: normalsOf(moved, indices), indices, errorMm };
}

/** Unit normals of the vertices: their triangles' normals by area. */
function normalsOf(p: Float32Array, indices: Uint32Array): Float32Array {
  const out = new Float32Array(p.length);
  for (let n = 0; n < indices.length; n += 3) {
    const a = 3 * (indices[n] as number);
    const b = 3 * (indices[n + 1] as number);
    const c = 3 * (indices[n + 2] as number);
    const side = (from: number, to: number, k: number): number => (p[to + k] as number) - (p[from + k] as number);
    for (let k = 0; k < 3; k += 1) {
      const i = (k + 1) % 3;
      const j = (k + 2) % 3;
      const area = side(a, b, i) * side(a, c, j) - side(a, b, j) * side(a, c, i);
      for (const corner of [a, b, c]) out[corner + k] = (out[corner + k] as number) + area;
    }
  }
  for (let n = 0; n < out.length; n += 3) {
    const length = Math.hypot(out[n] as number, out[n + 1] as number, out[n + 2] as number) || 1;
    for (let k = 0; k < 3; k += 1) out[n + k] = (out[n + k] as number) / length;
  }
  return out;
}
