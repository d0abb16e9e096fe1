import type { SliceViewName, ViewName } from './planes.js';

/** Where one view lies on the canvas, in fractions of its width and height from the upper left corner. */
export interface LayoutCell {
  readonly view: ViewName;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The views on the canvas. A view that is not named is not drawn. */
export type Layout = readonly LayoutCell[];

/** Four equal views: axial, 3D, coronal, sagittal. */
export function quadLayout(): Layout {
  return [
    { view: 'axial', x: 0, y: 0, width: 0.5, height: 0.5 },
    { view: '3d', x: 0.5, y: 0, width: 0.5, height: 0.5 },
    { view: 'coronal', x: 0, y: 0.5, width: 0.5, height: 0.5 },
    { view: 'sagittal', x: 0.5, y: 0.5, width: 0.5, height: 0.5 },
  ];
}

/** One view over the whole canvas. */
export function singleLayout(view: ViewName): Layout {
  return [{ view, x: 0, y: 0, width: 1, height: 1 }];
}

/** One large view, and the three others in a column at its right. */
export function primaryLayout(view: ViewName): Layout {
  const order: readonly ViewName[] = ['axial', 'coronal', 'sagittal' satisfies SliceViewName, '3d'];
  const others = order.filter((name) => name !== view);
  return [
    { view, x: 0, y: 0, width: 2 / 3, height: 1 },
    ...others.map((name, n) => ({ view: name, x: 2 / 3, y: n / 3, width: 1 / 3, height: 1 / 3 })),
  ];
}

/** A rectangle of whole device pixels, from the upper left corner of the canvas. */
export interface PixelRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The pixels of a cell. Neighbouring cells share their edge exactly, less `gap` pixels between them.
 * @param gap device pixels left free between two views
 */
export function pixelRect(cell: LayoutCell, width: number, height: number, gap: number): PixelRect {
  const left = Math.round(cell.x * width) + (cell.x > 0 ? Math.ceil(gap / 2) : 0);
  const top = Math.round(cell.y * height) + (cell.y > 0 ? Math.ceil(gap / 2) : 0);
  const right = Math.round((cell.x + cell.width) * width) - (cell.x + cell.width < 1 - 1e-6 ? Math.floor(gap / 2) : 0);
  const bottom = Math.round((cell.y + cell.height) * height) - (cell.y + cell.height < 1 - 1e-6 ? Math.floor(gap / 2) : 0);
  return { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}

/** The cell under a position in device pixels from the upper left corner. */
export function cellAt(layout: Layout, width: number, height: number, x: number, y: number): LayoutCell | undefined {
  return layout.find(
    (c) => x >= c.x * width && x < (c.x + c.width) * width && y >= c.y * height && y < (c.y + c.height) * height,
  );
}
