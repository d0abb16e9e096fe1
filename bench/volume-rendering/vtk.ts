import '@kitware/vtk.js/Rendering/OpenGL/Profiles/Geometry.js';
import '@kitware/vtk.js/Rendering/OpenGL/Profiles/Volume.js';
import vtkPiecewiseFunction from '@kitware/vtk.js/Common/DataModel/PiecewiseFunction.js';
import vtkCylinderSource from '@kitware/vtk.js/Filters/Sources/CylinderSource.js';
import vtkActor from '@kitware/vtk.js/Rendering/Core/Actor.js';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction.js';
import vtkMapper from '@kitware/vtk.js/Rendering/Core/Mapper.js';
import vtkRenderer from '@kitware/vtk.js/Rendering/Core/Renderer.js';
import vtkRenderWindow from '@kitware/vtk.js/Rendering/Core/RenderWindow.js';
import vtkRenderWindowInteractor from '@kitware/vtk.js/Rendering/Core/RenderWindowInteractor.js';
import vtkVolume from '@kitware/vtk.js/Rendering/Core/Volume.js';
import vtkVolumeMapper from '@kitware/vtk.js/Rendering/Core/VolumeMapper.js';
import vtkOpenGLRenderWindow from '@kitware/vtk.js/Rendering/OpenGL/RenderWindow.js';
import { imageOf } from '../render/vtk.js';
import { type Contender, cameraOf, type Look, NEEDLE, NEEDLE_COLOUR } from './shared.js';

/** Of a hundred, as the shader shades: a quarter everywhere, the rest by how a surface faces the eye, a small highlight. */
const SHADE = { ambient: 0.25, diffuse: 0.75, specular: 0.2, power: 20 } as const;

function parts(colour: string): [number, number, number] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255) as [number, number, number];
}

function volumeOf(mapper: vtkVolumeMapper, { transfer, shaded }: Look): vtkVolume {
  const colours = vtkColorTransferFunction.newInstance();
  const opacities = vtkPiecewiseFunction.newInstance();
  for (const { value, colour, perMm } of transfer) {
    colours.addRGBPoint(value, ...parts(colour));
    // Its opacity is that of one unit of length.
    opacities.addPoint(value, 1 - Math.exp(-perMm));
  }
  const actor = vtkVolume.newInstance();
  actor.setMapper(mapper);
  const property = actor.getProperty();
  property.setRGBTransferFunction(0, colours);
  property.setScalarOpacity(0, opacities);
  property.setScalarOpacityUnitDistance(0, 1);
  property.setInterpolationTypeToLinear();
  property.setShade(shaded);
  property.setAmbient(SHADE.ambient);
  property.setDiffuse(SHADE.diffuse);
  property.setSpecular(SHADE.specular);
  property.setSpecularPower(SHADE.power);
  return actor;
}

/** What vtk.js' declarations leave out of what these inherit. */
interface Inherited {
  getOutputPort(): unknown;
  setInputConnection(from: unknown): void;
  setInputData(image: unknown): void;
  rotateX(degrees: number): void;
  setPosition(x: number, y: number, z: number): void;
}
const whole = (it: unknown): Inherited => it as Inherited;

function needleActor(): vtkActor {
  const source = vtkCylinderSource.newInstance({ height: NEEDLE.lengthMm, radius: NEEDLE.radiusMm, resolution: 24 });
  const mapper = vtkMapper.newInstance();
  whole(mapper).setInputConnection(whole(source).getOutputPort());
  const actor = vtkActor.newInstance();
  actor.setMapper(mapper);
  actor.getProperty().setColor(...parts(NEEDLE_COLOUR));
  // Its axis is y, and its middle the origin: upright, the tip in the origin.
  whole(actor).rotateX(90);
  return actor;
}

/** Its own volume mapper and a needle. Nothing changes the step behind one's back. */
export const vtk: Contender = {
  open: async (view, scan, _, look) => {
    const mapper = vtkVolumeMapper.newInstance();
    whole(mapper).setInputData(imageOf(scan));
    mapper.setAutoAdjustSampleDistances(false);
    mapper.setMaximumSamplesPerRay(20_000);
    const voxelMm = Math.min(
      ...[0, 1, 2].map((c) => Math.hypot(...[0, 1, 2].map((r) => scan.frameFromIndex[4 * c + r] as number))),
    );
    mapper.setSampleDistance(voxelMm);
    const window = vtkRenderWindow.newInstance();
    const openGl = vtkOpenGLRenderWindow.newInstance();
    openGl.setContainer(view);
    openGl.setSize(view.clientWidth, view.clientHeight);
    window.addView(openGl);
    // Its mapper asks this whether an animation runs; it is not bound to any event.
    const interactor = vtkRenderWindowInteractor.newInstance();
    interactor.setView(openGl);
    interactor.initialize();
    const renderer = vtkRenderer.newInstance();
    renderer.setBackground(0, 0, 0);
    window.addRenderer(renderer);
    renderer.addVolume(volumeOf(mapper, look));
    const needle = needleActor();
    renderer.addActor(needle);
    const { middle, distance, degrees } = cameraOf(scan);
    const camera = renderer.getActiveCamera();
    camera.setViewAngle(degrees);
    camera.setFocalPoint(...(middle as [number, number, number]));
    camera.setViewUp(0, 0, 1);
    return {
      gl: (view.querySelector('canvas') as HTMLCanvasElement).getContext('webgl2') as WebGL2RenderingContext,
      setStep: (voxels) => mapper.setSampleDistance(voxels * voxelMm),
      draw: ({ azimuth, elevation, tip: [x, y, z] }) => {
        const flat = Math.cos(elevation) * distance;
        camera.setPosition(
          (middle[0] as number) + Math.sin(azimuth) * flat,
          (middle[1] as number) - Math.cos(azimuth) * flat,
          (middle[2] as number) + Math.sin(elevation) * distance,
        );
        camera.setClippingRange(distance / 4, 2 * distance);
        whole(needle).setPosition(x as number, y as number, (z as number) + NEEDLE.lengthMm / 2);
        window.render();
      },
    };
  },
};
