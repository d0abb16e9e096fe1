import { NavError } from '../../base/index.js';
import type { Polygons } from './polygons.js';
import { Scanner } from './scanner.js';

/** Bytes of the types of VTK's legacy files, by name. `vtkIdType` is written as int there. */
const BYTES: Readonly<Record<string, number>> = {
  char: 1,
  unsigned_char: 1,
  short: 2,
  unsigned_short: 2,
  int: 4,
  unsigned_int: 4,
  vtkIdType: 4,
  vtktypeint32: 4,
  vtktypeuint32: 4,
  long: 8,
  unsigned_long: 8,
  vtktypeint64: 8,
  vtktypeuint64: 8,
  float: 4,
  double: 8,
};

/** Whether the bytes begin as a legacy VTK file does. */
export function isVtk(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes.subarray(0, 64)).startsWith('# vtk DataFile');
}

/**
 * Polydata of a legacy VTK file, ASCII or binary, of versions 1 to 5.1: points, polygons and triangle strips.
 * @throws NavError `mesh/damaged`, `mesh/unsupported` (another data set)
 */
export function readVtk(bytes: Uint8Array, name: string): Polygons {
  return new VtkReader(new Scanner(bytes, name)).read();
}

class VtkReader {
  readonly #scanner: Scanner;
  #binary = false;
  /** Version 5 writes cells as offsets and connectivity. */
  #offsets = false;
  #positions = new Float64Array();
  readonly #polygons: number[] = [];
  #otherCells = 0;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  read(): Polygons {
    const scanner = this.#scanner;
    this.#offsets = Number.parseFloat(/Version\s+([\d.]+)/i.exec(scanner.rest())?.[1] ?? '') >= 5;
    const comments = scanner.rest();
    const coding = scanner.word();
    if (coding !== 'ASCII' && coding !== 'BINARY')
      throw scanner.damaged(`has "${coding ?? 'its end'}" where ASCII or BINARY should stand`);
    this.#binary = coding === 'BINARY';
    for (let word = scanner.word(); word !== undefined; word = scanner.word()) {
      if (word === 'POINT_DATA' || word === 'CELL_DATA') break;
      this.#section(word);
    }
    return {
      format: 'VTK',
      positions: this.#positions,
      polygons: this.#polygons,
      comments,
      otherCells: this.#otherCells,
      trailingBytes: 0,
    };
  }

  #section(word: string): void {
    const scanner = this.#scanner;
    if (word === 'DATASET') this.#dataset();
    else if (word === 'POINTS') this.#points();
    else if (word === 'POLYGONS') this.#cells((corners) => this.#polygon(corners));
    else if (word === 'TRIANGLE_STRIPS') this.#cells((corners) => this.#strip(corners));
    else if (word === 'VERTICES' || word === 'LINES') this.#cells(() => this.#skipped());
    else if (word === 'METADATA') this.#metadata();
    else if (word === 'FIELD') this.#field();
    else throw scanner.damaged(`has "${word.slice(0, 40)}" where a section should begin`);
  }

  #dataset(): void {
    const kind = this.#scanner.word();
    if (kind === 'POLYDATA') return;
    throw new NavError(
      'mesh/unsupported',
      `"${this.#scanner.name}" holds ${kind ?? 'nothing'}, not POLYDATA. Extract its surface and save that.`,
    );
  }

  #polygon(corners: Float64Array): void {
    if (corners.length < 3) this.#skipped();
    else {
      this.#polygons.push(corners.length);
      for (const corner of corners) this.#polygons.push(corner);
    }
  }

  /** Every second triangle of a strip turns the other way. */
  #strip(corners: Float64Array): void {
    for (let i = 2; i < corners.length; i += 1) {
      const [a, b, c] = [corners[i - 2] as number, corners[i - 1] as number, corners[i] as number];
      this.#polygons.push(3, i % 2 === 0 ? a : b, i % 2 === 0 ? b : a, c);
    }
  }

  #skipped(): void {
    this.#otherCells += 1;
  }

  /** Up to the next empty line. */
  #metadata(): void {
    const scanner = this.#scanner;
    scanner.endLine();
    while (scanner.at < scanner.bytes.length && scanner.rest() !== '') {}
  }

  #points(): void {
    const scanner = this.#scanner;
    const count = scanner.count('the number of points', scanner.bytes.length);
    const type = scanner.word() ?? '';
    this.#positions = Float64Array.from(this.#values(3 * count, type, 'the points'));
    const wild = this.#positions.findIndex((x) => !Number.isFinite(x));
    if (wild >= 0) throw scanner.damaged(`has the coordinate ${this.#positions[wild]} in point ${Math.floor(wild / 3)}`);
  }

  /** Cells of either layout, one after the other. */
  #cells(take: (corners: Float64Array) => void): void {
    const scanner = this.#scanner;
    const first = scanner.count('the number of cells', scanner.bytes.length);
    const second = scanner.count('the size of the cells', scanner.bytes.length);
    if (!this.#offsets) {
      const values = this.#values(second, 'int', 'the cells');
      let at = 0;
      for (let k = 0; k < first; k += 1) {
        const n = values[at] as number;
        if (!(n >= 0 && at + n < values.length))
          throw scanner.damaged(`has a cell ${k} of ${n} points that does not fit into ${second} numbers`);
        take(values.subarray(at + 1, at + 1 + n));
        at += n + 1;
      }
      if (at !== values.length) throw scanner.damaged(`says that its ${first} cells take ${second} numbers, but they take ${at}`);
      return;
    }
    const offsets = this.#named('OFFSETS', first);
    const corners = this.#named('CONNECTIVITY', second);
    for (let k = 1; k < offsets.length; k += 1) {
      const [from, to] = [offsets[k - 1] as number, offsets[k] as number];
      if (!(from >= 0 && from <= to && to <= corners.length))
        throw scanner.damaged(`has the offsets ${from} and ${to} for cell ${k - 1}`);
      take(corners.subarray(from, to));
    }
  }

  #named(keyword: string, count: number): Float64Array {
    const word = this.#scanner.word();
    if (word !== keyword) throw this.#scanner.damaged(`has "${word ?? 'its end'}" where "${keyword}" should stand`);
    return this.#values(count, this.#scanner.word() ?? '', keyword);
  }

  /** Numbers in the file's coding; the line that names them has been read up to its last word. */
  #values(count: number, type: string, what: string): Float64Array {
    const scanner = this.#scanner;
    const width = Object.hasOwn(BYTES, type) ? (BYTES[type] as number) : undefined;
    if (width === undefined) throw scanner.damaged(`gives ${what} as "${type.slice(0, 40)}"`);
    if (!this.#binary) {
      if (count > scanner.mostNumbers) throw scanner.damaged(`is cut short: ${what} need ${count} numbers`);
      return Float64Array.from({ length: count }, () => scanner.number(what));
    }
    scanner.endLine();
    const view = scanner.take(count * width, what);
    return Float64Array.from({ length: count }, (_, i) => bigEndian(view, i * width, type));
  }

  /** A field's arrays, which are read over. */
  #field(): void {
    const scanner = this.#scanner;
    scanner.word();
    const arrays = scanner.count('the number of arrays', 65_536);
    for (let k = 0; k < arrays; k += 1) {
      let name = scanner.word();
      while (name === 'METADATA') {
        this.#metadata();
        name = scanner.word();
      }
      const components = scanner.count('the number of components', scanner.bytes.length);
      const tuples = scanner.count('the number of tuples', scanner.bytes.length);
      const type = scanner.word() ?? '';
      if (type === 'string') {
        if (this.#binary)
          throw new NavError('mesh/unsupported', `"${scanner.name}" holds binary strings. Save it as ASCII, or as PLY.`);
        scanner.endLine();
        for (let i = 0; i < components * tuples && scanner.at < scanner.bytes.length; i += 1) scanner.rest();
      } else this.#values(components * tuples, type, `the array "${name ?? ''}"`);
    }
  }
}

function bigEndian(view: DataView, at: number, type: string): number {
  switch (type) {
    case 'float':
      return view.getFloat32(at);
    case 'double':
      return view.getFloat64(at);
    case 'char':
      return view.getInt8(at);
    case 'unsigned_char':
      return view.getUint8(at);
    case 'short':
      return view.getInt16(at);
    case 'unsigned_short':
      return view.getUint16(at);
    case 'unsigned_int':
    case 'vtktypeuint32':
      return view.getUint32(at);
    case 'long':
    case 'vtktypeint64':
      return Number(view.getBigInt64(at));
    case 'unsigned_long':
    case 'vtktypeuint64':
      return Number(view.getBigUint64(at));
    default:
      return view.getInt32(at);
  }
}
