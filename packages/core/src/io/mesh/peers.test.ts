import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InterfaceTypes, runPipelineNode } from 'itk-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { MESH_FILES, type TestMesh } from '../test-support/mesh-writer.js';
import { filesIn, pythonWith } from '../test-support/real-data.js';
import { readMesh } from './read.js';

const model = frame('model');
const python = pythonWith('vtkmodules');

/** A torus and its triangle strips, polygons and doubles, written by VTK in every way it knows. */
const WRITE = `
import sys, json
from vtkmodules.vtkCommonComputationalGeometry import vtkParametricTorus
from vtkmodules.vtkFiltersSources import vtkParametricFunctionSource, vtkCylinderSource
from vtkmodules.vtkFiltersCore import vtkStripper, vtkTriangleFilter, vtkCleanPolyData
from vtkmodules.vtkIOGeometry import vtkSTLWriter, vtkOBJWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter
from vtkmodules.vtkIOLegacy import vtkPolyDataWriter
from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter
out = sys.argv[1]
torus = vtkParametricTorus(); torus.SetRingRadius(40); torus.SetCrossSectionRadius(11)
src = vtkParametricFunctionSource(); src.SetParametricFunction(torus); src.SetUResolution(24); src.SetVResolution(16); src.SetOutputPointsPrecision(0)
clean = vtkCleanPolyData(); clean.SetInputConnection(src.GetOutputPort())
tri = vtkTriangleFilter(); tri.SetInputConnection(clean.GetOutputPort()); tri.Update()
strip = vtkStripper(); strip.SetInputConnection(tri.GetOutputPort()); strip.Update()
can = vtkCylinderSource(); can.SetResolution(12); can.SetHeight(30); can.SetRadius(9); can.Update()
def truth(p):
    f = vtkTriangleFilter(); f.SetInputData(p); f.PassVertsOff(); f.PassLinesOff(); f.Update(); p = f.GetOutput()
    return [[list(p.GetPoint(p.GetCell(c).GetPointId(i))) for i in range(3)] for c in range(p.GetNumberOfCells())]
for name, p in (('torus', tri.GetOutput()), ('strips', strip.GetOutput()), ('can', can.GetOutput())):
    for kind, W, ext in (('ascii', 1, ''), ('binary', 2, '')):
        for version in (42, 51):
            w = vtkPolyDataWriter(); w.SetFileType(W); w.SetFileVersion(version); w.SetFileName(f'{out}/{name}-{kind}-{version}.vtk'); w.SetInputData(p); w.Write()
        if name != 'strips':
            for cls, e in ((vtkSTLWriter, 'stl'), (vtkPLYWriter, 'ply')):
                if e == 'stl' and name == 'can': continue
                w = cls(); w.SetFileType(W); w.SetFileName(f'{out}/{name}-{kind}.{e}'); w.SetInputData(p); w.Write()
    if name != 'strips':
        w = vtkOBJWriter(); w.SetFileName(f'{out}/{name}-a.obj'); w.SetInputData(p); w.Write()
print(json.dumps({'torus': truth(tri.GetOutput()), 'strips': truth(strip.GetOutput()), 'can': truth(can.GetOutput())}))
`;

type Facets = readonly (readonly (readonly number[])[])[];

/** Area, enclosed volume and centroid: the same for any cutting of flat polygons; the volume's sign tells the sense. */
function shapeOf(facets: Facets): number[] {
  let area = 0;
  let volume = 0;
  const moment = [0, 0, 0];
  for (const [a, b, c] of facets as readonly (readonly [number[], number[], number[]])[]) {
    const [u, v] = [b, c].map((p) => p.map((x, i) => x - (a[i] as number))) as [number[], number[]];
    const n = [0, 1, 2].map(
      (i) => (u[(i + 1) % 3] as number) * (v[(i + 2) % 3] as number) - (u[(i + 2) % 3] as number) * (v[(i + 1) % 3] as number),
    );
    const part = Math.hypot(...n) / 2;
    area += part;
    volume += n.reduce((sum, x, i) => sum + x * (a[i] as number), 0) / 6;
    for (let i = 0; i < 3; i += 1)
      moment[i] = (moment[i] as number) + (part * ((a[i] as number) + (b[i] as number) + (c[i] as number))) / 3;
  }
  return [area, volume, ...moment.map((m) => m / area)];
}

async function facetsOf(path: string): Promise<Facets> {
  const { mesh } = await readMesh(path, model);
  return Array.from({ length: mesh.triangles.length / 3 }, (_, t) =>
    [0, 1, 2].map((i) => {
      const v = 3 * (mesh.triangles[3 * t + i] as number);
      return Array.from(mesh.positions.subarray(v, v + 3));
    }),
  );
}

describe.skipIf(python === undefined)('what VTK writes (Debian’s python3-vtk9)', () => {
  let folder = '';
  let truth: Readonly<Record<string, Facets>> = {};
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trocar-mesh-'));
    truth = python?.(WRITE, folder) as typeof truth;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is read as VTK means it: every format, coding and version', async () => {
    const files = filesIn(folder);
    expect(files.length).toBe(20);
    for (const file of files) {
      const facets = await facetsOf(file);
      const wanted = truth[file.slice(folder.length + 1).split('-')[0] as string] as Facets;
      expect([file, facets.length]).toEqual([file, wanted.length]);
      const [shape, other] = [shapeOf(facets), shapeOf(wanted)];
      for (const [k, value] of shape.entries())
        expect(Math.abs(value - (other[k] as number))).toBeLessThan(1e-4 * Math.abs(other[0] as number));
    }
  });
});

const pipelines = join(dirname(createRequire(import.meta.url).resolve('@itk-wasm/mesh-io')), 'pipelines');

/** Cells and points as ITK's reader gives them. */
async function readByItk(pipeline: string, name: string, bytes: Uint8Array): Promise<{ points: number[]; cells: number[][] }> {
  const { outputs } = await runPipelineNode(
    join(pipelines, pipeline),
    [name, '0', '1', '--memory-io'],
    [{ type: InterfaceTypes.JsonCompatible }, { type: InterfaceTypes.Mesh }],
    [{ type: InterfaceTypes.BinaryFile, data: { path: name, data: bytes } }],
  );
  const { points, cells } = (outputs[1] as unknown as { data: unknown }).data as {
    points: ArrayLike<number>;
    cells: ArrayLike<number | bigint>;
  };
  const flat = Array.from(cells, Number);
  const corners: number[][] = [];
  for (let at = 0; at < flat.length; at += 2 + (flat[at + 1] as number))
    corners.push(flat.slice(at + 2, at + 2 + (flat[at + 1] as number)));
  return { points: Array.from(points), cells: corners };
}

// They take less than we must: version 1.7.1 throws on a binary STL whose header begins with "solid" (PLUS's phantom), does not
// come back from an empty STL, fills a cut STL or VTK file with vertex 0, reads only the first of several solids, loses the last
// face of an OFF file with an empty line in it and all triangle strips, and has no PLY. So they are compared with, and not used.
describe('what ITK’s readers (@itk-wasm/mesh-io) can read', () => {
  const octahedron: TestMesh = {
    positions: [
      [12.5, 0, 0],
      [-7.25, 0, 0],
      [0, 9, 0],
      [0, -3, 0],
      [0, 0, 4.5],
      [0, 0, -6],
    ],
    faces: [
      [0, 2, 4],
      [2, 1, 4],
      [1, 3, 4],
      [3, 0, 4],
      [2, 0, 5],
      [1, 2, 5],
      [3, 1, 5],
      [0, 3, 5],
    ],
  };

  it.each([
    ['stl-read-mesh', 'ascii.stl', (t: string) => t.replace(/^ +/gm, '')],
    [
      'off-read-mesh',
      'a.off',
      (t: string) =>
        t
          .replace(/^OFF.*\n/, 'OFF\n')
          .replace('\n\n', '\n')
          .replaceAll(/ 255 0 0| 0\.5 0\.5 0\.5/g, ''),
    ],
    [
      'vtk-poly-data-read-mesh',
      'ascii-3.vtk',
      (t: string) => t.replace(/LINES 1 3\n2 0 1\n/, '').replace(/POINT_DATA[\s\S]*/, ''),
    ],
    [
      'vtk-poly-data-read-mesh',
      'ascii-5.vtk',
      (t: string) => t.replace(/LINES[^P]*0 1\n(?=POLYGONS)/, '').replace(/POINT_DATA[\s\S]*/, ''),
    ],
  ] as const)('%s and we agree on %s', async (pipeline, name, plain) => {
    const bytes = new TextEncoder().encode(plain(new TextDecoder().decode(MESH_FILES[name]?.write(octahedron))));
    const itk = await readByItk(pipeline, name, bytes);
    const { mesh } = await readMesh({ name, bytes }, model);
    const theirs = itk.cells.map((cell) => cell.map((v) => itk.points.slice(3 * v, 3 * v + 3)));
    const ours = Array.from({ length: mesh.triangles.length / 3 }, (_, t) =>
      Array.from(mesh.triangles.subarray(3 * t, 3 * t + 3), (v) => Array.from(mesh.positions.subarray(3 * v, 3 * v + 3))),
    );
    expect(ours).toEqual(theirs);
  });
});
