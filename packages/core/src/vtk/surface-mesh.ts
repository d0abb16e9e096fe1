/** A closed or open triangle surface in a volume's frame. */
export interface Isosurface {
  /** x, y, z of each vertex, mm in the volume's frame. */
  readonly positions: Float32Array;
  /** Unit normals out of the brighter side, one a vertex. */
  readonly normals: Float32Array;
  /** Three vertices a triangle, anticlockwise seen from outside the brighter side. */
  readonly indices: Uint32Array;
}
