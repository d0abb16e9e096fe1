import { NavError } from '../base/index.js';
import type { Frame } from '../frames/index.js';

/** What {@link mesh} is made from. */
export interface MeshInit<F extends string> {
  readonly frame: Frame<F>;
  /** x, y, z of each vertex, mm, in `frame`. Not copied. */
  readonly positions: Float64Array;
  /** Three vertex numbers a triangle, counter-clockwise seen from outside. Not copied. */
  readonly triangles: Uint32Array;
}

/** A triangle surface in a frame: an organ's or the skin's. Immutable by convention: the arrays are shared, not copied. */
export interface Mesh<in out F extends string> {
  readonly frame: Frame<F>;
  /** x, y, z of each vertex, mm. */
  readonly positions: Float64Array;
  /** Three vertex numbers a triangle, counter-clockwise seen from outside. */
  readonly triangles: Uint32Array;
}

/**
 * A triangle surface.
 * @throws NavError `mesh/empty` without a triangle, `mesh/bad-geometry` for a coordinate that is not finite, a vertex
 * number out of range or an array of the wrong length
 */
export function mesh<F extends string>(init: MeshInit<F>): Mesh<F> {
  const { positions, triangles } = init;
  if (triangles.length === 0 || positions.length === 0) {
    throw new NavError('mesh/empty', 'The surface has no triangles. Load a surface model, not a point cloud.', {
      detail: { vertices: positions.length / 3, triangles: triangles.length / 3 },
    });
  }
  if (positions.length % 3 !== 0 || triangles.length % 3 !== 0) {
    throw bad(
      `${positions.length} coordinates and ${triangles.length} vertex numbers do not make whole vertices and triangles.`,
      {},
    );
  }
  const vertices = positions.length / 3;
  const wild = positions.findIndex((v) => !Number.isFinite(v));
  if (wild >= 0)
    throw bad(`Vertex ${Math.floor(wild / 3)} has the coordinate ${positions[wild]}.`, { vertex: Math.floor(wild / 3) });
  const outside = triangles.findIndex((v) => v >= vertices);
  if (outside >= 0) {
    throw bad(`Triangle ${Math.floor(outside / 3)} names vertex ${triangles[outside]}, but there are ${vertices}.`, {
      triangle: Math.floor(outside / 3),
    });
  }
  return Object.freeze({ frame: init.frame, positions, triangles });
}

function bad(what: string, detail: Record<string, unknown>): NavError<'mesh/bad-geometry'> {
  return new NavError('mesh/bad-geometry', `${what} Export the surface again.`, { detail });
}
