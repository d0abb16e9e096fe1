import { type Frame, NavError } from '@trocar/core';
import type { Mesh } from '@trocar/core/volume';
import type { Finding } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { SurfaceIndex } from './surface-index.js';

/** How {@link prepareSurface} works. */
export interface SurfaceOptions {
  /** Edge of the search grid's voxels next to the surface, mm. Default: 1/150 of the surface's diagonal, 0.2 to 2 mm. */
  readonly voxelMm?: number;
}

/**
 * Something about a surface that its user should know.
 *
 * `registration/bad-mesh`: triangles without area (ignored), or neighbours that disagree about which side is out.
 */
export type SurfaceFinding = Finding<'registration/bad-mesh'>;

/** A surface made ready for any number of registrations; made once, shared freely. */
export interface PreparedSurface<in out F extends string> {
  readonly frame: Frame<F>;
  readonly mesh: Mesh<F>;
  readonly findings: readonly SurfaceFinding[];
  /** Whether it has no border. A surface cut by its volume's end is open, and is welcome. */
  readonly closed: boolean;
  /** Length of its box's diagonal, mm. */
  readonly diagonalMm: number;
  /** Radius of its sharpest tenth, mm: surface noise well below this leaves first-order error bars true. */
  readonly sharpRadiusMm: number;
  /** Memory that the index holds beside the mesh, bytes. */
  readonly bytes: number;
  /** For this package's own methods. */
  readonly index: SurfaceIndex;
}

/**
 * Prepares a surface for registration: a tree for exact closest points, and a grid that answers nearly the same at once.
 * Takes about a second for 40 000 triangles; `bytes` says what it holds.
 * @param mesh any triangle surface, mm: open or closed, welded or not
 * @throws NavError `mesh/empty` where no triangle has an area, `registration/bad-option`
 */
export function prepareSurface<F extends string>(mesh: Mesh<F>, options: SurfaceOptions = {}): PreparedSurface<F> {
  const diagonalMm = diagonalOf(mesh.positions);
  const voxelMm = options.voxelMm ?? Math.min(2, Math.max(0.2, diagonalMm / 150));
  if (!(voxelMm > 0 && Number.isFinite(voxelMm))) {
    throw new NavError('registration/bad-option', `A grid needs voxels of a positive size, not ${options.voxelMm} mm.`);
  }
  const index = new SurfaceIndex(mesh, voxelMm, Math.max(8 * voxelMm, 0.15 * diagonalMm));
  return {
    frame: mesh.frame,
    mesh,
    findings: findingsOf(index),
    closed: index.topology.openEdges === 0,
    diagonalMm,
    sharpRadiusMm: sharpRadius(index.curvature),
    bytes: index.bytes,
    index,
  };
}

function diagonalOf(positions: Float64Array): number {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let n = 0; n < positions.length; n += 1) {
    low[n % 3] = Math.min(low[n % 3] as number, at(positions, n));
    high[n % 3] = Math.max(high[n % 3] as number, at(positions, n));
  }
  return Math.hypot(...low.map((x, k) => (high[k] as number) - x));
}

function sharpRadius(curvature: Float64Array): number {
  const sizes = curvature.map(Math.abs).sort();
  return 1 / Math.max(at(sizes, Math.floor(0.9 * (sizes.length - 1))), 1e-9);
}

function findingsOf({ exactly, topology }: SurfaceIndex): SurfaceFinding[] {
  const findings: SurfaceFinding[] = [];
  if (exactly.degenerate.length > 0) {
    findings.push({
      code: 'registration/bad-mesh',
      message: `${exactly.degenerate.length} triangles have no area and are ignored; the first is number ${at(exactly.degenerate, 0)}.`,
      index: at(exactly.degenerate, 0),
    });
  }
  if (topology.turnedEdges > 0) {
    findings.push({
      code: 'registration/bad-mesh',
      message:
        `At ${topology.turnedEdges} of ${topology.edges} edges the two triangles disagree about which side is out. The registration does ` +
        'not need to know, but the sign of a distance (inside or outside) cannot be trusted. Orient the surface consistently.',
    });
  }
  return findings;
}
