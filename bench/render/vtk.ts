import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray.js';
import vtkImageData from '@kitware/vtk.js/Common/DataModel/ImageData.js';
import vtkPlane from '@kitware/vtk.js/Common/DataModel/Plane.js';
import vtkImageMapper from '@kitware/vtk.js/Rendering/Core/ImageMapper.js';
import vtkImageResliceMapper from '@kitware/vtk.js/Rendering/Core/ImageResliceMapper.js';
import vtkImageSlice from '@kitware/vtk.js/Rendering/Core/ImageSlice.js';
import vtkRenderer from '@kitware/vtk.js/Rendering/Core/Renderer.js';
import vtkRenderWindow from '@kitware/vtk.js/Rendering/Core/RenderWindow.js';
import '@kitware/vtk.js/Rendering/OpenGL/Profiles/Volume.js';
import vtkOpenGLRenderWindow from '@kitware/vtk.js/Rendering/OpenGL/RenderWindow.js';
import type { Volume } from '@trocar/core/volume';
import { boxOf, CELLS, type Contender, type Data, decode, type Shown } from './shared.js';

type Axes = readonly [right: readonly number[], up: readonly number[], normal: readonly number[]];
/** Seen as ours are: LPS, the normal to the viewer. */
const AXES: Readonly<Record<(typeof CELLS)[number]['view'], Axes>> = {
  axial: [
    [1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
  ],
  coronal: [
    [1, 0, 0],
    [0, 0, 1],
    [0, -1, 0],
  ],
  sagittal: [
    [0, 1, 0],
    [0, 0, 1],
    [1, 0, 0],
  ],
};

/** How a mapper follows the tip: it says on which plane the picture then lies, LPS mm along `axis`. */
interface Cut {
  readonly mapper: vtkImageMapper | vtkImageResliceMapper;
  through(tip: readonly number[]): number;
}
type CutOf = (image: vtkImageData, scan: Volume<'scan'>, axis: number) => Cut;

/** The plane itself, from a 3D texture that the three share. */
const reslice: CutOf = (image, _, axis) => {
  const mapper = vtkImageResliceMapper.newInstance();
  const plane = vtkPlane.newInstance();
  plane.setNormal(axis === 0 ? 1 : 0, axis === 1 ? 1 : 0, axis === 2 ? 1 : 0);
  mapper.setInputData(image);
  mapper.setSlicePlane(plane);
  return {
    mapper,
    through: (tip) => {
      plane.setOrigin(tip[0] as number, tip[1] as number, tip[2] as number);
      return tip[axis] as number;
    },
  };
};

/** The nearest slice of voxels, a 2D texture made anew for each. These scans lie straight in their frame. */
const nearest: CutOf = (image, scan, axis) => {
  const mapper = vtkImageMapper.newInstance();
  mapper.setInputData(image);
  mapper.setSlicingMode(axis);
  const step = scan.frameFromIndex[5 * axis] as number;
  const first = scan.frameFromIndex[12 + axis] as number;
  return {
    mapper,
    through: (tip) => {
      const slice = Math.round(((tip[axis] as number) - first) / step);
      mapper.setSlice(slice);
      return first + step * slice;
    },
  };
};

/** A scan as vtk.js holds it, its voxels not copied. */
export function imageOf(scan: Volume<'scan'>): vtkImageData {
  const m = scan.frameFromIndex;
  const image = vtkImageData.newInstance();
  const spacing = [0, 1, 2].map((c) => Math.hypot(...[0, 1, 2].map((r) => m[4 * c + r] as number)));
  image.setDimensions(...scan.size);
  image.setSpacing(spacing as [number, number, number]);
  image.setOrigin([m[12], m[13], m[14]] as [number, number, number]);
  image.setDirection(
    ...([0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => (m[4 * c + r] as number) / (spacing[c] as number))) as Parameters<
      typeof image.setDirection
    >),
  );
  const values = scan.voxels as Int16Array | Uint8Array;
  // Its declarations leave out what it inherits.
  (image as unknown as { getPointData(): { setScalars(a: unknown): void } })
    .getPointData()
    .setScalars(vtkDataArray.newInstance({ name: 'scan', numberOfComponents: 1, values }));
  return image;
}

interface Placed {
  readonly cut: Cut;
  readonly axis: number;
  readonly middle: readonly number[];
  readonly mmPerPx: number;
  readonly axes: Axes;
  at: number;
}

function addView(
  window: vtkRenderWindow,
  image: vtkImageData,
  scan: Volume<'scan'>,
  cell: (typeof CELLS)[number],
  of: CutOf,
  data: Data,
  px: number,
): Placed {
  const axes = AXES[cell.view];
  const axis = axes[2].findIndex((x) => x !== 0);
  const { low, high } = boxOf(scan);
  const middle = low.map((x, k) => (x + (high[k] as number)) / 2);
  const along = (d: readonly number[]): number =>
    Math.abs(d.reduce((s, x, k) => s + x * ((high[k] as number) - (low[k] as number)), 0));
  const across = Math.max(along(axes[0]), along(axes[1]));
  const renderer = vtkRenderer.newInstance();
  const box = renderer as unknown as { setViewport(...ends: number[]): void };
  box.setViewport(cell.x, 0.5 - cell.y, cell.x + 0.5, 1 - cell.y);
  window.addRenderer(renderer);
  const cut = of(image, scan, axis);
  const actor = vtkImageSlice.newInstance();
  actor.setMapper(cut.mapper as vtkImageMapper);
  actor.getProperty().setColorWindow(data.window.high - data.window.low);
  actor.getProperty().setColorLevel((data.window.high + data.window.low) / 2);
  renderer.addActor(actor);
  const camera = renderer.getActiveCamera();
  camera.setParallelProjection(true);
  camera.setParallelScale(across / 2);
  camera.setFocalPoint(...(middle as [number, number, number]));
  camera.setPosition(...(middle.map((x, k) => x + 1000 * (axes[2][k] as number)) as [number, number, number]));
  camera.setViewUp(...(axes[1] as [number, number, number]));
  camera.setClippingRange(1, 2000);
  return { cut, axis, middle, mmPerPx: across / px, axes, at: Number.NaN };
}

function open(view: HTMLElement, data: Data, of: CutOf): Shown {
  const scan = decode(data);
  const image = imageOf(scan);
  const window = vtkRenderWindow.newInstance();
  const openGl = vtkOpenGLRenderWindow.newInstance();
  openGl.setContainer(view);
  openGl.setSize(view.clientWidth, view.clientHeight);
  window.addView(openGl);
  const px = view.clientWidth / 2;
  const views = CELLS.map((cell) => ({ cell, placed: addView(window, image, scan, cell, of, data, px) }));
  const draw = (tip: readonly number[]): void => {
    for (const { placed } of views) placed.at = placed.cut.through(tip);
    window.render();
  };
  draw(views[0]?.placed.middle as readonly number[]);
  return {
    gl: (view.querySelector('canvas') as HTMLCanvasElement).getContext('webgl2') as WebGL2RenderingContext,
    draw,
    under: (x, y) => {
      const shown = views.find(({ cell }) => Math.floor(x / px) === 2 * cell.x && Math.floor(y / px) === 2 * cell.y);
      if (shown === undefined) return undefined;
      const { axes, axis, at, middle, mmPerPx } = shown.placed;
      const u = ((x % px) - px / 2) * mmPerPx;
      const v = (px / 2 - (y % px)) * mmPerPx;
      return middle.map((m, k) => (k === axis ? at : m + u * (axes[0][k] as number) + v * (axes[1][k] as number)));
    },
  };
}

/** Three reslices of one 3D texture, as a navigation of vtk.js would have it. */
export const vtkReslice: Contender = { windowFirst: false, open: async (view, data) => open(view, data, reslice) };
/** Three slices of voxels, 2D textures: it cannot cut obliquely nor between voxels. */
export const vtkSlices: Contender = { windowFirst: false, open: async (view, data) => open(view, data, nearest) };
