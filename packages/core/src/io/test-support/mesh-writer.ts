/** Meshes as files of every format, written for tests from the formats' descriptions. */
export interface TestMesh {
  readonly positions: readonly (readonly number[])[];
  readonly faces: readonly (readonly number[])[];
}

/** Writers by a name that says what is special about the file. Those of `single` keep single precision only. */
export const MESH_FILES: Readonly<
  Record<string, { readonly single: boolean; readonly write: (m: TestMesh, comment?: string) => Uint8Array }>
> = {
  'ascii.stl': { single: false, write: (m, c = 'test') => text(asciiStl(m, c)) },
  'binary.stl': { single: true, write: binaryStl },
  'ascii.ply': { single: false, write: (m, c) => text(asciiPly(m, c)) },
  'little.ply': { single: false, write: (m, c) => binaryPly(m, true, c) },
  'big.ply': { single: false, write: (m, c) => binaryPly(m, false, c) },
  'ascii-3.vtk': { single: false, write: (m, c) => text(asciiVtk(m, '3.0', c)) },
  'ascii-5.vtk': { single: false, write: (m, c) => text(asciiVtk(m, '5.1', c)) },
  'binary-3.vtk': { single: false, write: (m, c) => binaryVtk(m, false, c) },
  'binary-5.vtk': { single: false, write: (m, c) => binaryVtk(m, true, c) },
  'a.obj': { single: false, write: (m, c) => text(obj(m, c)) },
  'a.off': { single: false, write: (m, c) => text(off(m, c)) },
};

const text = (t: string): Uint8Array => new TextEncoder().encode(t);
const row = (values: readonly number[]): string => values.join(' ');

function asciiStl({ positions, faces }: TestMesh, name: string): string {
  const facets = faces.map((face) => {
    const corners = face.map((k) => `      vertex ${row(positions[k] as number[])}\n`).join('');
    return `  facet normal 0 0 0\n    outer loop\n${corners}    endloop\n  endfacet\n`;
  });
  return `solid ${name}\n${facets.join('')}endsolid ${name}\n`;
}

function binaryStl({ positions, faces }: TestMesh, header = 'solid but binary'): Uint8Array {
  const bytes = new Uint8Array(84 + 50 * faces.length);
  const view = new DataView(bytes.buffer);
  bytes.set(text(header).subarray(0, 80));
  view.setUint32(80, faces.length, true);
  faces.forEach((face, k) => {
    face.forEach((v, i) => {
      for (const [axis, x] of positions[v]?.entries() ?? []) view.setFloat32(84 + 50 * k + 12 + 12 * i + 4 * axis, x, true);
    });
  });
  return bytes;
}

/** With properties before and between that nobody needs. */
function plyHead({ positions, faces }: TestMesh, format: string, comment: string): string {
  return (
    `ply\nformat ${format} 1.0\ncomment ${comment}\nelement vertex ${positions.length}\nproperty uchar red\nproperty double x\nproperty double y\n` +
    `property float32 quality\nproperty double z\nelement face ${faces.length}\nproperty list uchar int vertex_indices\nproperty short part\n` +
    'element edge 1\nproperty int a\nend_header\n'
  );
}

function asciiPly(m: TestMesh, comment = 'test'): string {
  const vertices = m.positions.map(([x, y, z]) => `255 ${x} ${y} nan ${z}\n`).join('');
  const faces = m.faces.map((face) => `${face.length} ${row(face)} 7\n`).join('');
  return `${plyHead(m, 'ascii', comment)}${vertices}${faces}1\n`;
}

function binaryPly(m: TestMesh, little: boolean, comment = 'test'): Uint8Array {
  const head = text(plyHead(m, little ? 'binary_little_endian' : 'binary_big_endian', comment));
  const size = m.positions.length * 29 + m.faces.reduce((sum, f) => sum + 1 + 4 * f.length + 2, 0) + 4;
  const bytes = new Uint8Array(head.length + size);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  let at = head.length;
  for (const [x = 0, y = 0, z = 0] of m.positions) {
    view.setUint8(at, 255);
    view.setFloat64(at + 1, x, little);
    view.setFloat64(at + 9, y, little);
    view.setFloat32(at + 17, Number.NaN, little);
    view.setFloat64(at + 21, z, little);
    at += 29;
  }
  for (const face of m.faces) {
    view.setUint8(at, face.length);
    for (const [i, v] of face.entries()) view.setInt32(at + 1 + 4 * i, v, little);
    at += 1 + 4 * face.length + 2;
  }
  return bytes;
}

function asciiVtk({ positions, faces }: TestMesh, version: string, comment = 'test'): string {
  const head = `# vtk DataFile Version ${version}\n${comment}\nASCII\nDATASET POLYDATA\nPOINTS ${positions.length} double\n${positions.map(row).join('\n')}\n`;
  const metadata = 'METADATA\nINFORMATION 1\nNAME L2_NORM_RANGE LOCATION vtkDataArray\nDATA 2 0 1\n\n';
  const data = `POINT_DATA ${positions.length}\nNORMALS n float\n`;
  const corners = faces.flat();
  if (version.startsWith('5')) {
    const offsets = [0];
    for (const face of faces) offsets.push((offsets.at(-1) as number) + face.length);
    return `${head}${metadata}LINES 2 2\nOFFSETS vtktypeint64\n0 2\nCONNECTIVITY vtktypeint64\n0 1\nPOLYGONS ${offsets.length} ${corners.length}\nOFFSETS vtktypeint64\n${row(offsets)}\nCONNECTIVITY vtktypeint64\n${row(corners)}\n${data}`;
  }
  return `${head}LINES 1 3\n2 0 1\nPOLYGONS ${faces.length} ${corners.length + faces.length}\n${faces.map((f) => `${f.length} ${row(f)}`).join('\n')}\n${data}`;
}

function binaryVtk({ positions, faces }: TestMesh, offsets: boolean, comment = 'test'): Uint8Array {
  const parts: Uint8Array[] = [
    text(
      `# vtk DataFile Version ${offsets ? '5.1' : '4.2'}\n${comment}\nBINARY\nDATASET POLYDATA\nFIELD FieldData 1\ntime 1 1 double\n`,
    ),
    words([1.5], 8, (v, at, x) => v.setFloat64(at, x)),
    text(`\nPOINTS ${positions.length} double\n`),
    words(positions.flat(), 8, (v, at, x) => v.setFloat64(at, x)),
  ];
  const corners = faces.flat();
  if (offsets) {
    const starts = [0];
    for (const face of faces) starts.push((starts.at(-1) as number) + face.length);
    const longs = (values: readonly number[]): Uint8Array => words(values, 8, (v, at, x) => v.setBigInt64(at, BigInt(x)));
    parts.push(text(`\nPOLYGONS ${starts.length} ${corners.length}\nOFFSETS vtktypeint64\n`), longs(starts));
    parts.push(text('\nCONNECTIVITY vtktypeint64\n'), longs(corners), text('\n'));
  } else {
    const cells = faces.flatMap((f) => [f.length, ...f]);
    parts.push(
      text(`\nPOLYGONS ${faces.length} ${cells.length}\n`),
      words(cells, 4, (v, at, x) => v.setInt32(at, x)),
      text('\n'),
    );
  }
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

function words(values: readonly number[], width: number, put: (view: DataView, at: number, value: number) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * width));
  for (const [i, value] of values.entries()) put(view, i * width, value);
  return new Uint8Array(view.buffer);
}

/** With normals, a group, and the last face named from the end. */
function obj({ positions, faces }: TestMesh, comment = 'test'): string {
  const vertices = positions.map((p) => `v ${row(p)}\n`).join('');
  const named = faces.map((f, k) => f.map((v) => (k === faces.length - 1 ? v - positions.length : `${v + 1}//1`)).join(' '));
  return `# ${comment}\nmtllib a.mtl\no thing\n${vertices}vn 0 0 1\ns off\n${named.map((f) => `f ${f}\n`).join('')}`;
}

function off({ positions, faces }: TestMesh, comment = 'test'): string {
  const rows = [...positions.map((p) => `${row(p)} 255 0 0`), ...faces.map((f) => `${f.length} ${row(f)} 0.5 0.5 0.5`)];
  return `OFF # ${comment}\n${positions.length} ${faces.length} 0\n\n${rows.join('\n')}\n`;
}
