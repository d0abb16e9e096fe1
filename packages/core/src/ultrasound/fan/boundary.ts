/** What of images is lit, and where that begins and ends along columns and rows. */
export interface Boundary {
  readonly size: readonly [number, number];
  /** 1 where a pixel is brighter than the margins and does not stand alone. */
  readonly lit: Uint8Array;
  /** Lit pixels. */
  readonly count: number;
  /** Column, row, column, row …: the first and the last lit pixel of each column, of each row. */
  readonly top: Float64Array;
  readonly bottom: Float64Array;
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** Corners of an image, this part of its columns and rows, mostly lie beside the fan. */
const CORNER = 0.03;
/** A lit pixel has so many lit neighbours. */
const LEAST_NEIGHBOURS = 3;

/** @param above how many grey levels a pixel must be brighter than the margins in one of the images */
export function boundaryOf(images: readonly Uint8Array[], size: readonly [number, number], above: number): Boundary {
  const [columns, rows] = size;
  const brightest = new Uint8Array(columns * rows);
  for (const image of images) {
    for (let n = 0; n < brightest.length; n += 1)
      if ((image[n] as number) > (brightest[n] as number)) brightest[n] = image[n] as number;
  }
  const lit = withoutSpecks(brightest, size, marginOf(brightest, size) + above);
  const [top, bottom, left, right]: [number[], number[], number[], number[]] = [[], [], [], []];
  let count = 0;
  for (let column = 0; column < columns; column += 1) {
    const [first, last] = ends(lit, column, columns, rows);
    if (first < 0) continue;
    top.push(column, first);
    bottom.push(column, last);
  }
  for (let row = 0; row < rows; row += 1) {
    const [first, last] = ends(lit, row * columns, 1, columns);
    if (first < 0) continue;
    left.push(first, row);
    right.push(last, row);
  }
  for (const isLit of lit) count += isLit;
  const packed = [top, bottom, left, right].map((points) => Float64Array.from(points));
  return { size, lit, count, top: packed[0], bottom: packed[1], left: packed[2], right: packed[3] } as Boundary;
}

/** The brightest that the darkest corner shows: the margin's own level. */
function marginOf(image: Uint8Array, [columns, rows]: readonly [number, number]): number {
  const [width, height] = [Math.max(1, Math.round(CORNER * columns)), Math.max(1, Math.round(CORNER * rows))];
  let darkest = 255;
  for (const x0 of [0, columns - width]) {
    for (const y0 of [0, rows - height]) {
      let most = 0;
      for (let y = y0; y < y0 + height; y += 1) {
        for (let x = x0; x < x0 + width; x += 1) most = Math.max(most, image[y * columns + x] as number);
      }
      darkest = Math.min(darkest, most);
    }
  }
  return darkest;
}

function withoutSpecks(image: Uint8Array, [columns, rows]: readonly [number, number], level: number): Uint8Array {
  const lit = Uint8Array.from(image, (value) => (value > level ? 1 : 0));
  const kept = new Uint8Array(lit.length);
  for (let row = 0, n = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, n += 1) {
      if (lit[n] === 0) continue;
      let neighbours = -1;
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y += 1) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x += 1) {
          neighbours += lit[y * columns + x] as number;
        }
      }
      kept[n] = neighbours >= LEAST_NEIGHBOURS ? 1 : 0;
    }
  }
  return kept;
}

function ends(lit: Uint8Array, from: number, step: number, length: number): readonly [number, number] {
  let first = 0;
  while (first < length && lit[from + first * step] === 0) first += 1;
  if (first === length) return [-1, -1];
  let last = length - 1;
  while (lit[from + last * step] === 0) last -= 1;
  return [first, last];
}
