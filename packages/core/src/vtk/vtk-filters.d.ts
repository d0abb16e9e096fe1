/** vtk.js ships no types for this filter: what we use of it. */
declare module '@kitware/vtk.js/Filters/General/ImageMarchingCubes.js' {
  interface MarchingCubes {
    /** Appends the triangles of the cell whose lowest corner is (i, j, k): `3, a, b, c` each. */
    produceTriangles(
      level: number,
      i: number,
      j: number,
      k: number,
      extent: ArrayLike<number>,
      slice: number,
      dims: ArrayLike<number>,
      origin: ArrayLike<number>,
      spacing: ArrayLike<number>,
      scalars: ArrayLike<number>,
      points: number[],
      triangles: number[],
      normals: number[],
    ): void;
    delete(): void;
  }
  const vtkImageMarchingCubes: {
    newInstance(init: { contourValue?: number; computeNormals?: boolean; mergePoints?: boolean }): MarchingCubes;
  };
  export default vtkImageMarchingCubes;
}

/** vtk.js ships no types for this filter either. */
declare module '@kitware/vtk.js/Filters/General/WindowedSincPolyDataFilter.js' {
  interface WindowedSinc {
    setInputData(input: unknown): void;
    update(): void;
    getOutputData(): { getPoints(): { getData(): ArrayLike<number> } };
    delete(): void;
  }
  const vtkWindowedSinc: {
    newInstance(init: { numberOfIterations: number; passBand: number; normalizeCoordinates: number }): WindowedSinc;
  };
  export default vtkWindowedSinc;
}
