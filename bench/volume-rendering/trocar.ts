import { FrameGraph, frame, PoseView, transform } from '@trocar/core';
import { identity4 } from '@trocar/core/math';
import { createStage, singleLayout } from '@trocar/core/render';
import { SCAN } from '../render/shared.js';
import { type Contender, cameraOf, NEEDLE } from './shared.js';

/** A stage with its 3D view alone, and a needle in it. */
export const trocar: Contender = {
  open: async (view, scan, _, { transfer, shaded }) => {
    const layout = singleLayout('3d');
    const stage = createStage(view, { frame: SCAN, layout, annotations: false, interactive: false, antialias: false });
    stage.setVolume(scan);
    const rendering = stage.renderVolume({ transfer, shading: shaded, stepVoxels: 1 });
    const { middle, distance } = cameraOf(scan);
    stage.orbit.target.set(middle);
    stage.orbit.distance = distance;
    const needle = frame('needle');
    const graph = new FrameGraph();
    const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', ...NEEDLE } });
    const path = graph.path(SCAN, needle);
    const pose = new PoseView();
    return {
      gl: stage.canvas.getContext('webgl2') as WebGL2RenderingContext,
      setStep: (stepVoxels) => rendering.setLook({ stepVoxels }),
      draw: ({ azimuth, elevation, tip }) => {
        stage.orbit.azimuth = azimuth;
        stage.orbit.elevation = elevation;
        const m = identity4();
        m.set(tip, 12);
        graph.set(transform(SCAN, needle, m));
        path.read(pose);
        tool.update(pose);
        stage.render();
      },
    };
  },
};
