import { type Clock, PoseView, point } from '@trocar/core';
import {
  BiopsyCores,
  createStage,
  type Layout,
  SLICE_VIEWS,
  type Stage,
  UltrasoundImage,
  UltrasoundPlane,
} from '@trocar/core/render';
import { labelSurface } from '@trocar/core/vtk';
import { drawsInSoftware } from '../../suite/page/link.js';
import { speakWith } from '../../suite/page/speak.js';
import type { BiopsyCase } from '../src/case.js';
import { ENOUGH } from '../src/fire-step.js';
import { MR } from '../src/frames.js';
import { FAN } from '../src/probe.js';
import type { Procedure } from '../src/procedure.js';
import { PIXEL_MM, RASTER } from '../src/raster.js';
import type { LiveView } from './live-view.js';
import { LESION_COLOURS } from './looks.js';
import type { SweptPlace } from './swept-view.js';

/** The upper left is the live image's. */
const LAYOUT: Layout = [
  { view: 'axial', x: 0, y: 0.51, width: 0.34, height: 0.49 },
  { view: 'sagittal', x: 0.34, y: 0.51, width: 0.33, height: 0.49 },
  { view: 'coronal', x: 0.67, y: 0.51, width: 0.33, height: 0.49 },
  { view: '3d', x: 0.64, y: 0, width: 0.36, height: 0.51 },
];
/** Where the swept volume stands in the place of the 3D view, nothing is drawn behind it. */
const LAYOUTS: Readonly<Record<SweptPlace, Layout>> = {
  none: LAYOUT,
  corner: LAYOUT.filter(({ view }) => view !== '3d'),
};
/** The slices show so much, mm. */
const ACROSS_MM = 74;
/** A target lies so far above the middle of each slice, mm: its name then runs over no letter of a side. */
const ABOVE_MM = 9;

/** The MR in slices with gland and lesions, and in 3D the gland with its targets, the cores and the live plane. */
export class Pictures {
  readonly stage: Stage<'mr'>;
  readonly #image = new UltrasoundImage(RASTER.width, RASTER.height);
  readonly #plane: UltrasoundPlane;
  readonly #view = new PoseView();
  #cores: BiopsyCores<'mr'> | undefined;
  #left: SweptPlace = 'none';
  #shown = -1;
  #number = -1;
  #target = '';

  constructor(canvas: HTMLCanvasElement, clock: Clock) {
    this.stage = createStage(canvas, { frame: MR, clock, layout: LAYOUT, antialias: !drawsInSoftware() });
    speakWith(this.stage);
    this.#plane = new UltrasoundPlane({
      image: this.#image,
      spacingMm: [PIXEL_MM, PIXEL_MM],
      // The image's x runs along the plane's x, its y along the plane's z.
      probeFromImage: Float64Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, RASTER.left, 0, 0, 1),
      fan: {
        kind: 'sector',
        apexMm: [-RASTER.left, 0],
        innerMm: FAN.startMm,
        outerMm: FAN.endMm,
        halfAngleDeg: (180 * FAN.halfAngle) / Math.PI,
      },
      opacity: 0.85,
    });
  }

  /** Shows a case: slices at once, the gland's surface with them. */
  open(given: BiopsyCase): void {
    const { stage } = this;
    stage.setVolume(given.mr);
    const segments = given.lesions.map(({ label }, n) => ({
      value: label,
      colour: LESION_COLOURS[n % LESION_COLOURS.length] as string,
    }));
    stage.setLabels({
      volume: given.labels,
      segments: [{ value: given.gland.label, colour: '#e9eef2' }, ...segments],
      fill: 0.12,
      outlinePx: 1.5,
    });
    stage.setSurface(labelSurface(given.labels, given.gland.label, { maxTriangles: 20_000, smooth: 1 }), {
      colour: '#c9b8a8',
      opacity: 0.22,
    });
    this.#cores = new BiopsyCores({
      frame: MR,
      enough: ENOUGH,
      targets: given.lesions.map(({ name, centre, radiusMm }) => ({ name, shape: { centre, radiusMm } })),
    });
    stage.addGraphic(this.#cores);
    stage.addGraphic(this.#plane);
    this.lookAt(given.gland.centre.xyz);
    stage.render();
  }

  /**
   * The slices and the 3D view on a place, so near that a lesion is seen.
   * @param aboveMm so far above the middle of each slice it lies
   */
  lookAt(place: ArrayLike<number>, aboveMm = 0): void {
    this.stage.setCrosshair(point(MR, place));
    for (const view of SLICE_VIEWS) {
      const slice = this.stage.slice(view);
      const { up } = slice.plane.axes;
      const middle = Float64Array.from(up, (v, k) => (place[k] as number) - aboveMm * v);
      slice.lookAt(middle, ACROSS_MM);
    }
    this.stage.orbit.target.set(place);
    this.stage.orbit.reset(62);
  }

  /** Leaves room for the swept volume. */
  leave(place: SweptPlace): void {
    if (place === this.#left) return;
    this.#left = place;
    this.stage.setLayout(LAYOUTS[place]);
  }

  /** Once per drawn frame. @param live the live picture as rows and columns, and its number */
  show(procedure: Procedure, live: Pick<LiveView, 'pixels' | 'number'>): void {
    const { fire, latest } = procedure;
    if (latest?.frame.number === live.number && live.number !== this.#number) {
      this.#number = live.number;
      this.#image.update(live.pixels, [latest.frame.atMs]);
    }
    procedure.planeInMr(this.#view);
    this.#plane.update(this.#view);
    if (fire.cores.length !== this.#shown && this.#cores !== undefined) {
      this.#shown = fire.cores.length;
      this.#cores.setCores(fire.cores.map((c) => c.core));
      this.#cores.setMap(fire.cores.length === 0 ? undefined : procedure.map);
    }
    if (procedure.stage !== 'biopsy' && procedure.stage !== 'finished') return;
    if (this.#target !== fire.target.name) {
      this.#target = fire.target.name;
      this.lookAt(fire.target.centre.xyz, ABOVE_MM);
    }
  }
}
