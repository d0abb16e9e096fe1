import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readMesh, readPoints, setAssetsBase } from '../index.js';
import { MESH_FILES } from '../test-support/mesh-writer.js';

const tetrahedron = {
  positions: [
    [0, 0, 0],
    [10, 0, 0],
    [0, 20, 0],
    [0, 0, 30],
  ],
  faces: [
    [0, 2, 1],
    [0, 1, 3],
    [0, 3, 2],
    [1, 2, 3],
  ],
};

describe('points and meshes in a browser', () => {
  it('are read from the Files that a page is handed, with no assets and without a fetch', async () => {
    setAssetsBase(undefined);
    performance.clearResourceTimings();
    const list = await readPoints(new File(['# space=RAS\nA,1,2,3\n'], 'a.csv'));
    expect(list.points.map((p) => [p.label, ...p.xyz])).toEqual([['A', -1, -2, 3]]);
    for (const [name, { write }] of Object.entries(MESH_FILES)) {
      const bytes = write(tetrahedron) as Uint8Array<ArrayBuffer>;
      const { mesh } = await readMesh(new File([bytes], name), frame('model'));
      expect([name, mesh.triangles.length, mesh.positions.length]).toEqual([name, 12, 12]);
    }
    expect(performance.getEntriesByType('resource').filter((e) => /wasm|pipeline/.test(e.name))).toEqual([]);
  });

  it('a path is refused: a page has none', async () => {
    await expect(readPoints('/tmp/a.csv')).rejects.toMatchObject({ code: 'io/unsupported-format' });
    await expect(readMesh('/tmp/a.stl', frame('model'))).rejects.toMatchObject({ code: 'io/unsupported-format' });
  });
});
