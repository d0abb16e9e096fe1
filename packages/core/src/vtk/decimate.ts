import { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import { NavError } from '../base/index.js';
import type { Isosurface } from './surface-mesh.js';
import { Thinning } from './thinning.js';
import { compacted, welded } from './weld.js';

/** How far a surface is thinned out: whichever is reached first. One of the two at least. */
export interface Decimation {
  /** No point of either surface is further than this from the other, mm: measured, over whole triangles. */
  readonly toErrorMm?: number;
  /** About so many triangles, not fewer; more where the error or the surface's form allows no fewer. */
  readonly toTriangles?: number;
}

/** Resolved to whether the decimation's WebAssembly may run here; it compiles when this file is loaded. */
const compiled: Promise<boolean> = MeshoptSimplifier.supported
  ? MeshoptSimplifier.ready.then(
      () => {
        usable = true;
        return true;
      },
      () => false,
    )
  : Promise.resolve(false);
let usable = false;

/**
 * Waits until {@link decimate}, and the `decimation` of the surfaces made in this thread, can be used. `makeSurface` does not need it: its
 * worker waits by itself.
 * @throws NavError `vtk/failed` where WebAssembly is not allowed: the page's policy needs `wasm-unsafe-eval`
 */
export async function decimationReady(): Promise<void> {
  if (await compiled) return;
  throw new NavError(
    'vtk/failed',
    "Thinning a surface out needs WebAssembly, which is not allowed here. Add 'wasm-unsafe-eval' to script-src of the page's policy, or leave decimation away.",
  );
}

/**
 * A surface with fewer triangles: edges are drawn together where that moves it least (Garland & Heckbert 1997, quadric error metrics, as
 * meshoptimizer does it). Vertices stay where they were, with their normals; those of an open border all stay.
 *
 * The greatest distance between both surfaces is measured, and added to `errorMm`: no point of either is further from the other. Pieces,
 * holes through it and borders are as they were, no edge gets a third triangle, and none is turned round: where thinning out would do
 * that, or go beyond `toErrorMm`, the vertices stay. Where no try keeps all of this, the surface comes back as it was.
 * @param progress told how much is done, 0 … 1
 * @throws NavError `vtk/failed` where a limit is not usable, or before {@link decimationReady}
 */
export function decimate(surface: Isosurface, decimation: Decimation, progress?: (fraction: number) => void): Isosurface {
  requireDecimation(decimation);
  requireReady();
  const { toErrorMm = Number.POSITIVE_INFINITY, toTriangles = 0 } = decimation;
  const whole = welded(surface, MeshoptSimplifier.generatePositionRemap(surface.positions, 3));
  if (whole.indices.length === 0) return surface;
  const thin = new Thinning(whole).run(toErrorMm, toTriangles, progress);
  return thin === undefined ? surface : { ...compacted(whole, thin.indices), errorMm: surface.errorMm + thin.errorMm };
}

/**
 * Refuses limits that mean nothing.
 * @throws NavError `vtk/failed`
 */
export function requireDecimation({ toErrorMm, toTriangles }: Decimation): void {
  const given = toErrorMm !== undefined || toTriangles !== undefined;
  const usableError = toErrorMm === undefined || (toErrorMm > 0 && Number.isFinite(toErrorMm));
  const usableCount = toTriangles === undefined || (Number.isInteger(toTriangles) && toTriangles > 0);
  if (given && usableError && usableCount) return;
  throw new NavError(
    'vtk/failed',
    `Thinning a surface out needs toErrorMm above 0, or a whole toTriangles above 0, got ${toErrorMm} and ${toTriangles}.`,
  );
}

function requireReady(): void {
  if (usable) return;
  throw new NavError(
    'vtk/failed',
    'Thinning a surface out is not ready yet, or not allowed here: await decimationReady() first, which says which.',
  );
}
