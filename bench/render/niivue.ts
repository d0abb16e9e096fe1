import { Niivue, SLICE_TYPE } from '@niivue/niivue';
import { CELLS, type Contender } from './shared.js';

const TYPES = { axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL } as const;

/** NiiVue on a canvas as large as the view, with nothing over its pictures. */
export async function plainNiivue(view: HTMLElement, options: ConstructorParameters<typeof Niivue>[0]): Promise<Niivue> {
  const canvas = document.createElement('canvas');
  canvas.width = view.clientWidth;
  canvas.height = view.clientHeight;
  view.append(canvas);
  const nv = new Niivue({
    crosshairWidth: 0,
    isOrientationTextVisible: false,
    isOrientCube: false,
    isColorbar: false,
    isResizeCanvas: false,
    dragAndDropEnabled: false,
    forceDevicePixelRatio: 1,
    logLevel: 'error',
    ...options,
  });
  await nv.attachToCanvas(canvas, false);
  return nv;
}

/**
 * NiiVue's own layout of three slices, without crosshair and letters. It reads the file itself, and draws at once.
 * Positions go through the file's affine (`isForceSliceMM`): its short way rounds the origin to a voxel.
 */
export const niivue: Contender = {
  windowFirst: true,
  open: async (view, data) => {
    const nv = await plainNiivue(view, { isRadiologicalConvention: true, multiplanarShowRender: 0 });
    nv.setCustomLayout(
      CELLS.map((c) => ({ sliceType: TYPES[c.view], position: [c.x, c.y, 0.5, 0.5] as [number, number, number, number] })),
    );
    // The window goes with the data, so that its texture is made once.
    await nv.addVolumeFromUrl({
      url: 'scan.nii',
      name: 'scan.nii',
      buffer: data.bytes,
      cal_min: data.window.low,
      cal_max: data.window.high,
    });
    return {
      gl: nv.gl,
      draw: ([x, y, z]) => {
        nv.scene.crosshairPos = nv.mm2frac([-(x as number), -(y as number), z as number], 0, true);
        nv.drawScene();
      },
      under: (x, y) => {
        const frac = nv.canvasPos2frac([x, y]);
        if ((frac[0] as number) < 0) return undefined;
        const ras = nv.frac2mm(frac, 0, true);
        return [-(ras[0] as number), -(ras[1] as number), ras[2] as number];
      },
    };
  },
};
