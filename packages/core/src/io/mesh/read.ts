import { NavError } from '../../base/index.js';
import type { Frame } from '../../frames/index.js';
import { type Mesh, mesh } from '../../volume/index.js';
import { type FileSource, fileOf } from '../single-file.js';
import type { VolumeFile } from '../source.js';
import { flipXY, type ReadWarning, type Space, type SpaceSource, settledSpace, spaceInComment } from '../space.js';
import { isObj, readObj } from './obj.js';
import { isOff, readOff } from './off.js';
import { isPly, readPly } from './ply.js';
import { type Polygons, triangulated } from './polygons.js';
import { isStl, readStl } from './stl.js';
import { isVtk, readVtk } from './vtk.js';

/** How to read a mesh. */
export interface ReadMeshOptions {
  /** The patient axes of the file's coordinates. Default: what the file says (3D Slicer writes `SPACE=…`), else LPS. */
  readonly space?: Space;
}

/** A mesh that was read, in LPS mm, and what happened on the way. */
export interface ReadMesh<F extends string> {
  readonly mesh: Mesh<F>;
  readonly format: Polygons['format'];
  /** The axes the file was in. The mesh is in LPS, whichever they were. */
  readonly fileSpace: Space;
  /** Who said so. */
  readonly spaceFrom: SpaceSource;
  readonly warnings: readonly ReadWarning[];
}

/**
 * A triangle surface from an STL, PLY, legacy VTK polydata, OBJ or OFF file, ASCII or binary, recognised by its content.
 *
 * Coordinates are taken as millimetres: none of these formats says its unit. RAS becomes LPS, polygons become triangles,
 * and STL's repeated vertices become one where they are the same to the bit; nothing else is changed, and what was done is in
 * `warnings`. No decoder is needed, so no assets either.
 * @throws NavError `mesh/unsupported`, `mesh/damaged`, `mesh/empty` (no triangle), `io/not-found`
 */
export async function readMesh<F extends string>(
  source: FileSource,
  frame: Frame<F>,
  options: ReadMeshOptions = {},
): Promise<ReadMesh<F>> {
  const file = await fileOf(source);
  const polygons = polygonsOf(file);
  const { triangles, degenerate, fault } = triangulated(polygons.positions, polygons.polygons);
  if (fault?.kind === 'no-vertex') {
    throw new NavError(
      'mesh/damaged',
      `"${file.name}": face ${fault.polygon + 1} names the vertex ${fault.value} (counting from 0), but there are ` +
        `${polygons.positions.length / 3}. Export or transfer the file again.`,
      { detail: { file: file.name, face: fault.polygon, vertex: fault.value } },
    );
  }
  if (fault !== undefined) {
    throw new NavError(
      'mesh/unsupported',
      `"${file.name}": face ${fault.polygon + 1} has ${fault.value} corners and is not convex. Export it as triangles.`,
      { detail: { file: file.name, face: fault.polygon } },
    );
  }
  if (triangles.length === 0) {
    throw new NavError(
      'mesh/empty',
      `"${file.name}" holds no triangles. Load a surface model; a point cloud is read as points.`,
      {
        detail: { file: file.name, vertices: polygons.positions.length / 3 },
      },
    );
  }
  const axes = settledSpace(file.name, spaceInComment(polygons.comments), options.space);
  if (axes.space === 'RAS') flipXY(polygons.positions);
  return {
    mesh: mesh({ frame, positions: polygons.positions, triangles }),
    format: polygons.format,
    fileSpace: axes.space,
    spaceFrom: axes.from,
    warnings: [...axes.warnings, ...shapeWarnings(file.name, polygons, degenerate)],
  };
}

/** Whether a file looks like one of the mesh formats, by content and, where that says nothing, by name. */
export function looksLikeMesh({ bytes, name }: VolumeFile): boolean {
  return isPly(bytes) || isVtk(bytes) || isOff(bytes) || isStl(bytes, name) || isObj(bytes, name);
}

/** @throws NavError `mesh/unsupported`, `mesh/damaged`, `mesh/empty` (no byte) */
export function polygonsOf({ bytes, name }: VolumeFile): Polygons {
  if (bytes.length === 0) throw new NavError('mesh/empty', `"${name}" is empty. Transfer it again.`, { detail: { file: name } });
  if (isPly(bytes)) return readPly(bytes, name);
  if (isVtk(bytes)) return readVtk(bytes, name);
  if (isOff(bytes)) return readOff(bytes, name);
  if (isStl(bytes, name)) return readStl(bytes, name);
  if (isObj(bytes, name)) return readObj(bytes, name);
  throw new NavError(
    'mesh/unsupported',
    `"${name}" is none of STL, PLY, legacy VTK polydata, OBJ and OFF. Export the surface as one of them.`,
    { detail: { file: name } },
  );
}

function shapeWarnings(name: string, polygons: Polygons, degenerate: number): ReadWarning[] {
  const warnings: ReadWarning[] = [];
  if (degenerate > 0) {
    warnings.push({
      code: 'degenerate-triangles',
      message: `"${name}": ${degenerate} triangles with two corners in one place were left out.`,
    });
  }
  if (polygons.otherCells > 0) {
    warnings.push({ code: 'other-cells', message: `"${name}": ${polygons.otherCells} lines and points were not read.` });
  }
  if (polygons.trailingBytes > 0) {
    warnings.push({
      code: 'trailing-bytes',
      message: `"${name}": ${polygons.trailingBytes} bytes behind the last triangle were not read.`,
    });
  }
  return warnings;
}
