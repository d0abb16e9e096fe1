import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, type NavErrorCode } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import type { Mesh } from '../../volume/index.js';
import { type ReadMesh, type ReadMeshOptions, readMesh, readPoints } from '../index.js';
import { MESH_FILES, type TestMesh } from '../test-support/mesh-writer.js';

const model = frame('model');
const read = (bytes: Uint8Array | string, name: string, options?: ReadMeshOptions): Promise<ReadMesh<'model'>> =>
  readMesh({ name, bytes: typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes }, model, options);

async function refused(code: NavErrorCode, doing: Promise<unknown>): Promise<string> {
  const outcome = await doing.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  );
  expect(isNavError(outcome) ? outcome.code : outcome).toBe(code);
  return (outcome as Error).message;
}

/** Each triangle as its corners' coordinates, the smallest corner first, in a stable order: what a mesh is, however numbered. */
function facets({ positions, triangles }: Pick<Mesh<'model'>, 'positions' | 'triangles'>): string[] {
  return Array.from({ length: triangles.length / 3 }, (_, t) => {
    const corners = [0, 1, 2].map((i) => {
      const v = triangles[3 * t + i] as number;
      return Array.from(positions.subarray(3 * v, 3 * v + 3), (x) => String(x + 0)).join(' ');
    });
    const first = corners.indexOf([...corners].sort()[0] as string);
    return [0, 1, 2].map((i) => corners[(first + i) % 3]).join(' | ');
  }).sort();
}

const tetrahedron: TestMesh = {
  positions: [
    [0, 0, 0],
    [10.1, 0, 0],
    [0, -20.2, 0],
    [0, 0, 30.3],
  ],
  faces: [
    [0, 2, 1],
    [0, 1, 3],
    [0, 3, 2],
    [1, 2, 3],
  ],
};
const everyFormat = Object.entries(MESH_FILES);

/** Corner coordinates as a format keeps them. */
function expected(m: TestMesh, single: boolean): string[] {
  const positions = Float64Array.from(m.positions.flat(), (x) => (single ? Math.fround(x) : x));
  return facets({ positions, triangles: Uint32Array.from(m.faces.flat()) });
}

/** Six times the volume that a closed surface encloses: negative where its triangles turn inwards. */
function sixVolumes({ positions, triangles }: Mesh<'model'>): number {
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((i) => {
      const v = 3 * (triangles[t + i] as number);
      return [positions[v], positions[v + 1], positions[v + 2]] as [number, number, number];
    }) as [[number, number, number], [number, number, number], [number, number, number]];
    sum += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  }
  return sum;
}

describe('a mesh of any format', () => {
  it.each(everyFormat)('%s: random surfaces come back as they are (property)', async (name, { single, write }) => {
    const coordinate = fc.double({ min: -1e4, max: 1e4, noNaN: true });
    const place = fc.tuple(coordinate, coordinate, coordinate);
    const places = fc.uniqueArray(place, {
      minLength: 3,
      maxLength: 12,
      selector: (p) => p.map((x) => Math.fround(x) + 0).join(),
    });
    await fc.assert(
      fc.asyncProperty(
        places,
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 20 }),
        async (positions, picks) => {
          const n = positions.length;
          const faces = picks.map(([a, b, c]) => {
            const first = a % n;
            const second = (first + 1 + (b % (n - 1))) % n;
            const rest = Array.from({ length: n }, (_, k) => k).filter((k) => k !== first && k !== second);
            return [first, second, rest[c % rest.length] as number];
          });
          const { mesh, warnings } = await read(write({ positions, faces }), name);
          expect(facets(mesh)).toEqual(expected({ positions, faces }, single));
          expect(warnings.filter((w) => w.code !== 'other-cells')).toEqual([]);
        },
      ),
      { numRuns: 40 * inject('effort') },
    );
  });

  it.each(everyFormat)(
    '%s: RAS is turned to LPS where the file or the caller says so, and the inside stays inside',
    async (name, { write, single }) => {
      const lps = { ...tetrahedron, positions: tetrahedron.positions.map(([x = 0, y = 0, z = 0]) => [-x, -y, z]) };
      const plain = await read(write(tetrahedron, 'test'), name);
      expect([plain.fileSpace, plain.spaceFrom]).toEqual(['LPS', 'default']);
      expect(facets(plain.mesh)).toEqual(expected(tetrahedron, single));
      for (const turned of [
        await read(write(tetrahedron, '3D Slicer output. SPACE=RAS'), name),
        await read(write(tetrahedron, 'test'), name, { space: 'RAS' }),
      ]) {
        expect(facets(turned.mesh)).toEqual(expected(lps, single));
        expect([turned.fileSpace, turned.warnings.some((w) => w.code === 'ras-converted')]).toEqual(['RAS', true]);
        expect(sixVolumes(turned.mesh)).toBeCloseTo(sixVolumes(plain.mesh), 3);
      }
      const said = await read(write(tetrahedron, '3D Slicer output. SPACE=LPS'), name);
      expect([said.fileSpace, said.spaceFrom, facets(said.mesh)]).toEqual(['LPS', 'file', facets(plain.mesh)]);
      const both = await read(write(tetrahedron, 'SPACE=RAS'), name, { space: 'LPS' });
      expect([facets(both.mesh), both.warnings.some((w) => w.code === 'space-overridden')]).toEqual([facets(plain.mesh), true]);
    },
  );

  // An OBJ says nowhere how much of it there is: what is cut off at the end of a line cannot be missed.
  it.each(everyFormat.filter(([name]) => name !== 'a.obj'))(
    '%s: cut short anywhere is refused, or is whole',
    async (name, { write, single }) => {
      const bytes = write(tetrahedron);
      for (let length = 0; length < bytes.length; length += 1) {
        const outcome = await read(bytes.slice(0, length), name).catch((error: unknown) => error);
        if (isNavError(outcome)) expect(outcome.code).toMatch(/^mesh\//);
        // What stands behind the last triangle may be missing; a number cut in its last digits cannot be told.
        else expect([length, (outcome as ReadMesh<'model'>).mesh.triangles.length]).toEqual([expect.any(Number), 12]);
        if (single && length < bytes.length) expect(isNavError(outcome)).toBe(true);
      }
    },
  );

  it.each(everyFormat)(
    '%s: damaged in any way gives a mesh or one of our errors, in bounded time (property)',
    async (name, { write }) => {
      const bytes = write(tetrahedron);
      const started = performance.now();
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
          async (changes) => {
            const mutated = bytes.slice();
            for (const [at, value] of changes) mutated[at % mutated.length] = value;
            try {
              const { mesh } = await read(mutated, name);
              expect(mesh.positions.every((x) => Number.isFinite(x))).toBe(true);
            } catch (error) {
              if (!isNavError(error)) throw error;
            }
          },
        ),
        { numRuns: 400 * inject('effort') },
      );
      expect((performance.now() - started) / inject('effort')).toBeLessThan(10_000);
    },
  );
});

describe('polygons', () => {
  it('that are not convex are cut inside, and keep their sense', async () => {
    const arrow = 'OFF\n5 1 0\n0 0 0\n4 0 0\n1 1 0\n0 4 0\n-1 -1 0\n5 0 1 2 3 4\n';
    const { mesh } = await read(arrow, 'a.off');
    expect(mesh.triangles.length).toBe(9);
    let area = 0;
    for (let t = 0; t < 9; t += 3) {
      const [a, b, c] = [0, 1, 2].map((i) => mesh.positions.subarray(3 * (mesh.triangles[t + i] as number))) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const twice =
        ((b[0] as number) - (a[0] as number)) * ((c[1] as number) - (a[1] as number)) -
        ((b[1] as number) - (a[1] as number)) * ((c[0] as number) - (a[0] as number));
      expect(twice).toBeGreaterThan(0);
      area += twice / 2;
    }
    // The shoelace sum over the five corners.
    expect(area).toBeCloseTo((0 + 4 + 4 + 4 + 0) / 2, 12);
  });

  it('of many corners: convex ones are cut at once, others are refused', async () => {
    const round = (n: number, radius: (k: number) => number): string => {
      const corners = Array.from(
        { length: n },
        (_, k) => `${radius(k) * Math.cos((2 * Math.PI * k) / n)} ${radius(k) * Math.sin((2 * Math.PI * k) / n)} 0`,
      );
      return `OFF\n${n} 1 0\n${corners.join('\n')}\n${n} ${corners.map((_, k) => k).join(' ')}\n`;
    };
    expect(
      (
        await read(
          round(5000, () => 10),
          'a.off',
        )
      ).mesh.triangles.length,
    ).toBe(3 * 4998);
    expect(
      (
        await read(
          round(200, (k) => 10 + (k % 2)),
          'a.off',
        )
      ).mesh.triangles.length,
    ).toBe(3 * 198);
    expect(
      await refused(
        'mesh/unsupported',
        read(
          round(2000, (k) => 10 + (k % 2)),
          'a.off',
        ),
      ),
    ).toContain('2000 corners');
  });

  it('with two corners in one place are left out, and it is said', async () => {
    const { mesh, warnings } = await read('OFF\n3 3 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n3 0 1 1\n4 0 1 2 2\n', 'a.off');
    expect([mesh.triangles.length, warnings.map((w) => w.code)]).toEqual([6, ['degenerate-triangles']]);
  });
});

describe('an STL', () => {
  const ascii = MESH_FILES['ascii.stl']?.write(tetrahedron) as Uint8Array;
  const binary = MESH_FILES['binary.stl']?.write(tetrahedron) as Uint8Array;
  const text = new TextDecoder().decode(ascii);

  it('has its vertices merged where they are the same place, and only there', async () => {
    expect((await read(ascii, 'a.stl')).mesh.positions.length / 3).toBe(4);
    const near = text.replace('vertex 0 0 0', 'vertex 0 0 1e-9');
    expect((await read(near, 'a.stl')).mesh.positions.length / 3).toBe(5);
    expect((await read(text.replace('vertex 0 0 0', 'vertex -0 0 0.0'), 'a.stl')).mesh.positions.length / 3).toBe(4);
  });

  it('may have a binary header that begins with "solid", another name, several solids, any case and line ends', async () => {
    const wanted = expected(tetrahedron, false);
    for (const other of [
      text.toUpperCase(),
      text.replaceAll('\n', '\r\n'),
      text.replace(/test/g, ''),
      text.replace(/^ +/gm, ''),
      text.replace('normal 0 0 0', 'normal nan nan nan'),
    ]) {
      expect(facets((await read(other, 'a.stl')).mesh)).toEqual(wanted);
    }
    expect((await read(binary, 'model')).format).toBe('STL');
    const second = text.replaceAll('10.1', '11.1');
    expect((await read(text + second, 'a.stl')).mesh.triangles.length).toBe(24);
  });

  it('of which bytes are missing or too many says so', async () => {
    expect(await refused('mesh/damaged', read(binary.slice(0, 200), 'a.stl'))).toContain(
      'says 4 triangles, but there are bytes for 2',
    );
    const more = await read(Uint8Array.from([...binary, 1, 2, 3]), 'a.stl');
    expect([more.mesh.triangles.length, more.warnings.map((w) => w.code)]).toEqual([12, ['trailing-bytes']]);
    const wild = binary.slice();
    new DataView(wild.buffer).setFloat32(84 + 50 + 12, Number.NaN, true);
    expect(await refused('mesh/damaged', read(wild, 'a.stl'))).toContain('triangle 2');
    expect(await refused('mesh/damaged', read(text.replace('vertex 10.1', 'vertex 10,1'), 'a.stl'))).toContain(
      'line 6: it has "10,1"',
    );
    expect(await refused('mesh/empty', read('solid nothing\nendsolid nothing\n', 'a.stl'))).toContain('no triangles');
    await refused('mesh/empty', read(new Uint8Array(84), 'a.stl'));
  });
});

describe('what is no surface', () => {
  it.each([
    ['', 'a.stl', 'mesh/empty'],
    ['hello', 'a.txt', 'mesh/unsupported'],
    ['hello', 'a.stl', 'mesh/damaged'],
    ['<VTKFile type="PolyData">', 'a.vtp', 'mesh/unsupported'],
    ['# vtk DataFile Version 3.0\nx\nASCII\nDATASET UNSTRUCTURED_GRID\n', 'a.vtk', 'mesh/unsupported'],
    ['# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 4000000000 float\n0 0 0\n', 'a.vtk', 'mesh/damaged'],
    ['# vtk DataFile Version 3.0\nx\nBINARY\nDATASET POLYDATA\nPOINTS 4000000 float\n0 0 0\n', 'a.vtk', 'mesh/damaged'],
    [
      '# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\nPOLYGONS 1 4\n3 0 1 3\n',
      'a.vtk',
      'mesh/damaged',
    ],
    [
      '# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 3 float\n0 0 0 1 0 0 0 1 0\nPOLYGONS 1 5\n3 0 1 2\n',
      'a.vtk',
      'mesh/damaged',
    ],
    [
      'ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n',
      'a.ply',
      'mesh/empty',
    ],
    [
      'ply\nformat ascii 1.0\nelement vertex 1e15\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n',
      'a.ply',
      'mesh/damaged',
    ],
    ['ply\nformat binary_little_endian 1.0\nelement foo 1000000000000\nend_header\n', 'a.ply', 'mesh/empty'],
    [
      'ply\nformat ascii 1.0\nelement tristrips 1\nproperty list int int vertex_indices\nend_header\n3 0 1 2\n',
      'a.ply',
      'mesh/unsupported',
    ],
    ['OFF BINARY\n', 'a.off', 'mesh/unsupported'],
    ['4OFF\n1 1 1\n', 'a.off', 'mesh/unsupported'],
    ['v 0 0 0\nv 1 0 0\nf 1 2 3\n', 'a.obj', 'mesh/damaged'],
    ['v 0 0 0\nv 1 0 0\nf 1 0 2\n', 'a.obj', 'mesh/damaged'],
    ['v 0 0 x\n', 'a.obj', 'mesh/damaged'],
  ] as const)('%j as %s is refused: %s', async (text, name, code) => {
    await refused(code, read(text, name));
  });

  it('can still be a cloud of points', async () => {
    const cloud =
      'ply\nformat ascii 1.0\ncomment SPACE=RAS\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n4 5 6\n';
    const { points, format, fileSpace } = await readPoints({ name: 'a.ply', bytes: new TextEncoder().encode(cloud) });
    expect([points.map((p) => [...p.xyz]), format, fileSpace]).toEqual([
      [
        [-1, -2, 3],
        [-4, -5, 6],
      ],
      'mesh vertices',
      'RAS',
    ]);
  });

  it('by noise', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 600 }),
        fc.constantFrom('a.stl', 'a.ply', 'a.vtk', 'a.obj', 'a.off', 'a'),
        async (noise, name) => {
          const outcome = await read(noise, name).catch((error: unknown) => error);
          if (outcome instanceof Error && !isNavError(outcome)) throw outcome;
        },
      ),
      { numRuns: 500 * inject('effort') },
    );
  });
});
