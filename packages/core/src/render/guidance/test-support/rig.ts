import { DirectionalLight, HemisphereLight, PerspectiveCamera, Scene, type WebGLRenderer } from 'three';
import { PoseView, type Status } from '../../../frames/index.js';
import type { PlaneView } from '../../planes.js';
import { makeRenderer } from '../../renderer.js';
import type { GuidanceGraphic } from '../graphic.js';

/** A picture: four bytes a pixel, rows from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

export const SIZE = 256;
/** The time of every frame, and how old a pose may be, ms. */
export const NOW: Float64Array = Float64Array.of(10_000);
export const STALE_AFTER_MS = 250;

/** A pose of a status with this place, measured now; without a place where the status has none. */
export function poseOf(status: Status, matrix: ArrayLike<number>, at: number = NOW[0] as number): PoseView {
  const view = new PoseView();
  view.status = status;
  view.times[0] = at;
  view.times[1] = at;
  if (view.hasPose) view.matrix.set(matrix);
  return view;
}

/** One renderer of 256 × 256 and a scene with the stage's lights, for pictures of graphics by themselves. */
export class Rig {
  readonly #kept: GuidanceGraphic[] = [];
  readonly renderer: WebGLRenderer;
  readonly scene: Scene = new Scene();
  readonly camera: PerspectiveCamera = new PerspectiveCamera(26, 1, 5, 6000);

  /** @param smooth multisampled, as by another driver */
  constructor(smooth = false) {
    const canvas = document.createElement('canvas');
    canvas.width = SIZE;
    canvas.height = SIZE;
    this.renderer = makeRenderer(canvas, smooth);
    this.renderer.setSize(SIZE, SIZE, false);
    this.renderer.setClearColor('#0b0e12', 1);
    const light = new DirectionalLight(0xffffff, 2.2);
    light.position.set(-100, -300, 200);
    this.scene.add(new HemisphereLight(0xffffff, 0x404850, 1.4), light);
    this.look([60, -330, 90]);
  }

  /** Looks at the origin from somewhere, the head up. */
  look(eye: readonly [number, number, number]): void {
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(...eye);
    this.camera.lookAt(0, 0, 0);
    this.camera.updateMatrixWorld();
  }

  /** The 3D parts of graphics, settled and drawn. */
  draw(graphics: readonly GuidanceGraphic[], now: Float64Array = NOW): Picture {
    for (const g of graphics) {
      g.settle(now, STALE_AFTER_MS);
      g.inScene?.(SIZE, SIZE, 1);
      if (g.object !== undefined) this.scene.add(g.object);
    }
    this.renderer.clear();
    this.renderer.render(this.scene, this.camera);
    const picture = this.read();
    for (const g of graphics) g.object?.removeFromParent();
    return picture;
  }

  /** What a graphic draws over an empty slice. */
  drawSlice(graphics: readonly GuidanceGraphic[], plane: PlaneView): Picture {
    this.renderer.clear();
    for (const g of graphics) {
      g.settle(NOW, STALE_AFTER_MS);
      g.onSlice?.(this.renderer, plane, 1);
    }
    return this.read();
  }

  read(): Picture {
    const gl = this.renderer.getContext();
    const data = new Uint8Array(4 * SIZE * SIZE);
    gl.readPixels(0, 0, SIZE, SIZE, gl.RGBA, gl.UNSIGNED_BYTE, data);
    const out = new Uint8ClampedArray(data.length);
    for (let y = 0; y < SIZE; y += 1) out.set(data.subarray(4 * SIZE * y, 4 * SIZE * (y + 1)), 4 * SIZE * (SIZE - 1 - y));
    return { width: SIZE, height: SIZE, data: out };
  }

  /** Keeps a graphic until the end: with the last one of its kind its shaders would go, and be compiled again. */
  keep<G extends GuidanceGraphic>(graphic: G): G {
    this.#kept.push(graphic);
    return graphic;
  }

  dispose(): void {
    for (const graphic of this.#kept) graphic.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}

/** What a flat instrument shows. */
export function pictureOf(canvas: HTMLCanvasElement): Picture {
  const { width, height } = canvas;
  const data = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, width, height).data;
  return { width, height, data };
}

/** An element of 256 × 256 in the page. */
export function host(width: number = SIZE, height: number = SIZE): HTMLElement {
  const element = document.createElement('div');
  element.style.cssText = `width:${width}px;height:${height}px`;
  document.body.append(element);
  return element;
}

/** How many pixels have a colour, within 12 of 255 a channel. */
export function countOf({ data }: Picture, hex: string): number {
  const n = Number.parseInt(hex.slice(1), 16);
  const wanted = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (wanted.every((c, k) => Math.abs(c - (data[i + k] as number)) <= 12)) count += 1;
  }
  return count;
}

/** The centre of all pixels of a colour, within 12 of 255 a channel, and the box about them; NaN and −1 without any. */
export function centreOf({ width, data }: Picture, hex: string): { x: number; y: number; count: number; box: number[] } {
  const n = Number.parseInt(hex.slice(1), 16);
  const wanted = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
  let [x, y, count] = [0, 0, 0];
  const box = [width, width, -1, -1];
  for (let i = 0; i < data.length / 4; i += 1) {
    if (!wanted.every((c, k) => Math.abs(c - (data[4 * i + k] as number)) <= 12)) continue;
    const [u, v] = [i % width, Math.floor(i / width)];
    x += u + 0.5;
    y += v + 0.5;
    count += 1;
    box[0] = Math.min(box[0] as number, u);
    box[1] = Math.min(box[1] as number, v);
    box[2] = Math.max(box[2] as number, u);
    box[3] = Math.max(box[3] as number, v);
  }
  return { x: x / count, y: y / count, count, box };
}
