import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { dataPath } from '../test-support/real-data.js';
import { readMesh } from './read.js';

const { path, absent } = dataPath('tracked-ultrasound/config/fCal_3.1.stl');

describe.skipIf(absent)('an STL of PLUS (TROCAR_DATA/tracked-ultrasound/config)', () => {
  it('is read though its binary header begins with "solid", closed and with its volume', async () => {
    const { mesh, format, fileSpace, spaceFrom, warnings } = await readMesh(path, frame('phantom'));
    expect([format, fileSpace, spaceFrom, warnings]).toEqual(['STL', 'LPS', 'default', []]);
    expect(mesh.triangles.length / 3).toBe(54_294);
    const vertices = mesh.positions.length / 3;
    const edges = new Map<number, number>();
    for (let t = 0; t < mesh.triangles.length; t += 3) {
      for (let i = 0; i < 3; i += 1) {
        const a = mesh.triangles[t + i] as number;
        const b = mesh.triangles[t + ((i + 1) % 3)] as number;
        const key = Math.min(a, b) * vertices + Math.max(a, b);
        edges.set(key, (edges.get(key) ?? 0) + (a < b ? 1 : -1));
      }
    }
    // Each edge once there and once back: nothing is open, and all triangles turn alike.
    expect([...edges.values()].filter((n) => n !== 0)).toEqual([]);
    expect(vertices).toBeLessThan((54_294 * 3) / 5);
  });
});
