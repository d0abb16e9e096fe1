import { Niivue, SLICE_TYPE } from '@niivue/niivue';
import type { Contender } from './shared.js';

/**
 * NiiVue's own rendering, seen along parallel lines, with its own colours, a step of one voxel that nobody can change, and no needle:
 * it must draw the volume anew all the same. The transfer function's corners are its window.
 */
export const niivue: Contender = {
  open: async (view, _, file, { transfer, shaded }) => {
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
      show3Dcrosshair: false,
      backColor: [0, 0, 0, 1],
      logLevel: 'error',
    });
    await nv.attachToCanvas(canvas, false);
    nv.setSliceType(SLICE_TYPE.RENDER);
    await nv.addVolumeFromUrl({
      url: 'scan.nii',
      name: 'scan.nii',
      buffer: file,
      cal_min: transfer[0]?.value as number,
      cal_max: transfer.at(-1)?.value as number,
    });
    if (shaded) await nv.setVolumeRenderIllumination(0.6);
    return {
      gl: nv.gl,
      setStep: undefined,
      draw: ({ azimuth, elevation }) => {
        nv.scene.renderAzimuth = (azimuth * 180) / Math.PI;
        nv.scene.renderElevation = (elevation * 180) / Math.PI;
        nv.drawScene();
      },
    };
  },
};
