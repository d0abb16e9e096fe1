import { SLICE_TYPE } from '@niivue/niivue';
import { plainNiivue } from '../render/niivue.js';
import type { Contender } from './shared.js';

/**
 * NiiVue's own rendering, seen along parallel lines, with its own colours, a step of one voxel that nobody can change, and no needle:
 * it must draw the volume anew all the same. The transfer function's corners are its window.
 */
export const niivue: Contender = {
  open: async (view, _, file, { transfer, shaded }) => {
    const nv = await plainNiivue(view, { show3Dcrosshair: false, backColor: [0, 0, 0, 1] });
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
