/** A closed or open triangle surface in a volume's frame. */
export interface Isosurface {
  /** x, y, z of each vertex, mm in the volume's frame. */
  readonly positions: Float32Array;
  /** Unit normals out of the brighter side, one a vertex. */
  readonly normals: Float32Array;
  /** Three vertices a triangle, anticlockwise seen from outside the brighter side. */
  readonly indices: Uint32Array;
  /**
   * No point of it is further than this, mm, from the surface before it was thinned out, nor the other way round: measured over whole
   * triangles. 0 where it was not. A distance measured to this surface is right to so much, beside how well the image itself shows the body.
   */
  readonly errorMm: number;
}
