import { readImageDicomFileSeries, setPipelinesBaseUrl, setPipelineWorkerUrl } from '@itk-wasm/dicom';
import { convertItkToVtkImage } from '@kitware/vtk.js/Common/DataModel/ITKHelper.js';
import vtkImageMapper from '@kitware/vtk.js/Rendering/Core/ImageMapper.js';
import vtkImageSlice from '@kitware/vtk.js/Rendering/Core/ImageSlice.js';
import vtkRenderer from '@kitware/vtk.js/Rendering/Core/Renderer.js';
import vtkRenderWindow from '@kitware/vtk.js/Rendering/Core/RenderWindow.js';
import '@kitware/vtk.js/Rendering/OpenGL/Profiles/Volume.js';
import vtkOpenGLRenderWindow from '@kitware/vtk.js/Rendering/OpenGL/RenderWindow.js';
import type { VolumeFile } from '@trocar/core/io';
import type { Image } from 'itk-wasm';
import { type Contender, type Drawn, pixelOf, type RunOptions } from './shared.js';

async function run(view: HTMLElement, files: readonly VolumeFile[], options: RunOptions): Promise<Drawn> {
  const from = performance.now();
  const inputImages = files.map((file) => ({ path: file.name, data: file.bytes }));
  const read = await readImageDicomFileSeries({ inputImages, ...(options.sorted && { singleSortedSeries: true }) });
  const readMs = performance.now() - from;
  const gl = draw(view, read.outputImage);
  const pixel = pixelOf(gl, view.clientWidth / 2, view.clientHeight / 2);
  const totalMs = performance.now() - from;
  const { size } = read.outputImage;
  const corners = [
    cornerOf(read.outputImage, [0, 0, 0]),
    cornerOf(
      read.outputImage,
      size.map((n) => n - 1),
    ),
  ];
  return { readMs, totalMs, size, corners, pixel, greyErrors: [], order: read.sortedFilenames as readonly string[] };
}

/** One slice, the least that vtk.js can show of a volume: a 2D texture of its middle. Its window is given, not looked for. */
function draw(view: HTMLElement, image: Image): WebGL2RenderingContext {
  const renderWindow = vtkRenderWindow.newInstance();
  const renderer = vtkRenderer.newInstance();
  renderWindow.addRenderer(renderer);
  const openGl = vtkOpenGLRenderWindow.newInstance();
  openGl.setContainer(view);
  openGl.setSize(view.clientWidth, view.clientHeight);
  renderWindow.addView(openGl);
  const mapper = vtkImageMapper.newInstance();
  mapper.setInputData(convertItkToVtkImage(image));
  mapper.setSlicingMode(vtkImageMapper.SlicingMode.K);
  mapper.setSlice(Math.floor((image.size[2] as number) / 2));
  const slice = vtkImageSlice.newInstance();
  slice.setMapper(mapper);
  slice.getProperty().setColorWindow(400);
  slice.getProperty().setColorLevel(200);
  renderer.addActor(slice);
  renderer.getActiveCamera().setParallelProjection(true);
  renderer.resetCamera();
  renderWindow.render();
  return (view.querySelector('canvas') as HTMLCanvasElement).getContext('webgl2') as WebGL2RenderingContext;
}

function cornerOf(image: Image, index: readonly number[]): number[] {
  const { origin, spacing, direction } = image;
  return [0, 1, 2].map((r) =>
    index.reduce(
      (sum, i, c) => sum + Number((direction as ArrayLike<number>)[3 * r + c]) * (spacing[c] as number) * i,
      origin[r] as number,
    ),
  );
}

/** What an application of itk-wasm and vtk.js does, step by step as both document it. */
export const peer: Contender = {
  prepare: () => {
    setPipelinesBaseUrl('/trocar/pipelines');
    setPipelineWorkerUrl('/trocar/itk-wasm-pipeline.worker.js');
  },
  run,
};
