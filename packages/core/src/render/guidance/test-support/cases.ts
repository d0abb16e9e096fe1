import { SphereGeometry } from 'three';
import { frame, point, type Status } from '../../../frames/index.js';
import { straightPlan } from '../../../guidance/index.js';
import { PlaneView, patientAxes } from '../../planes.js';
import type { SurfaceMesh } from '../../surface.js';
import {
  AblationZoneGraphic,
  AvoidStructure,
  Bullseye,
  DepthBar,
  DistanceLine,
  InstrumentGraphic,
  instrumentFromJson,
  TrajectoryCorridor,
  towards,
  UltrasoundImage,
  UltrasoundPlane,
  UltrasoundView,
} from '../index.js';
import { host, NOW, type Picture, pictureOf, poseOf, type Rig, STALE_AFTER_MS } from './rig.js';

const CT = frame('ct');

/** 80 mm from above into the origin, leaning. */
export const PLAN = straightPlan({ entry: point(CT, [25, -10, 70]), target: point(CT, [0, 0, 0]) });

export const NEEDLE = instrumentFromJson({
  name: 'needle',
  kind: 'needle',
  lengthMm: 150,
  radiusMm: 1.2,
  depthMarks: { everyMm: 10, boldEvery: 5 },
});

const PROBE = instrumentFromJson({
  name: 'probe',
  kind: 'probe',
  lengthMm: 90,
  radiusMm: 16,
  fan: { kind: 'sector', apexMm: [0, -20], innerMm: 22, outerMm: 90, halfAngleDeg: 32 },
});

/** stage-from-tip: the shaft along a direction, the tip at a place. */
export function placed(tip: readonly [number, number, number], shaft: readonly [number, number, number]): Float64Array {
  const length = Math.hypot(...shaft);
  const z = shaft.map((v) => v / length) as [number, number, number];
  const f = 1 / Math.hypot(z[0], z[2]);
  const x: [number, number, number] = [z[2] * f, 0, -z[0] * f];
  const y = [z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]];
  return Float64Array.of(...x, 0, y[0] as number, y[1] as number, y[2] as number, 0, ...z, 0, ...tip, 1);
}

/** Along the plan, so far from the target, off the line by 3 and 2 mm. */
export function onPlan(remainingMm: number, off: readonly [number, number] = [3, 2]): Float64Array {
  const a = PLAN.axis;
  const tip = [0, 1, 2].map((k) => -remainingMm * (a[k] as number)) as [number, number, number];
  tip[0] += off[0];
  tip[1] += off[1];
  return placed(tip, [-a[0] + 0.06, -a[1], -a[2]]);
}

/** A grey image, 64 × 48: brighter with depth and to the right, a bright bar near the left of its upper edge. */
export function paintedImage(at: number = NOW[0] as number): UltrasoundImage {
  const image = new UltrasoundImage(64, 48);
  const pixels = new Uint8Array(64 * 48);
  for (let j = 0; j < 48; j += 1) {
    for (let i = 0; i < 64; i += 1) {
      const speckle = ((i * 73 + j * 151 + i * j * 7) % 37) - 18;
      pixels[64 * j + i] = Math.max(0, Math.min(255, 50 + 2 * j + i / 2 + speckle));
      if (i >= 18 && i < 24 && j >= 8 && j < 20) pixels[64 * j + i] = 255;
    }
  }
  image.update(pixels, [at]);
  return image;
}

/** 60 mm wide, 45 mm deep, the sector of a curved probe. */
export const GEOMETRY = {
  spacingMm: [60 / 64, 45 / 48],
  fan: { kind: 'sector', apexMm: [29.5, -15], innerMm: 18, outerMm: 58, halfAngleDeg: 30 },
} as const;

/** A sphere of 18 mm. */
export function ball(x: number, y: number, z: number, radius = 18): SurfaceMesh {
  const g = new SphereGeometry(radius, 40, 28).translate(x, y, z);
  return {
    positions: Float32Array.from(g.getAttribute('position').array),
    normals: Float32Array.from(g.getAttribute('normal').array),
    indices: Uint32Array.from(g.index?.array ?? []),
  };
}

/** Some uncertainty of a pose, known: 1 mm and 6 mrad, about the origin. */
export const COVARIANCE: Float64Array = new Float64Array(36);
for (let k = 0; k < 3; k += 1) {
  COVARIANCE[7 * k] = k === 0 ? 1.2 : 0.4;
  COVARIANCE[7 * (k + 3)] = k === 1 ? 4e-4 : 4e-5;
}

/** Something that is drawn by the status of a pose. */
export interface Case {
  readonly name: string;
  /** Draws it as given with a pose of that status, asked for so long ago. */
  readonly picture: (rig: Rig, status: Status, askedMsAgo?: number) => Picture;
}

const when = (ago: number): number => (NOW[0] as number) - ago;

/** Every graphic that a pose drives. */
export const CASES: readonly Case[] = [
  {
    name: 'needle',
    picture: (rig, status, ago = 0) => {
      const g = rig.keep(new InstrumentGraphic(NEEDLE));
      g.update(poseOf(status, placed([-20, 0, -45], [0.35, 0.1, 1]), when(ago)));
      return rig.draw([g]);
    },
  },
  {
    name: 'probe',
    picture: (rig, status, ago = 0) => {
      const g = rig.keep(new InstrumentGraphic(PROBE));
      g.update(poseOf(status, placed([0, 0, 15], [0.2, -0.1, 1]), when(ago)));
      return rig.draw([g]);
    },
  },
  {
    name: 'zone',
    picture: (rig, status, ago = 0) => {
      const g = rig.keep(new AblationZoneGraphic({ kind: 'projected', semiAxesMm: [16, 16, 24] }));
      g.update(poseOf(status, placed([5, 0, 0], [0.5, 0, 1]), when(ago)));
      return rig.drawSlice([g], coronal());
    },
  },
  {
    name: 'distance',
    picture: (rig, status, ago = 0) => {
      const g = rig.keep(new DistanceLine(towards([30, 0, -30])));
      g.update(poseOf(status, placed([-40, 0, 30], [0, 0, 1]), when(ago)));
      return rig.draw([g]);
    },
  },
  {
    name: 'structure',
    picture: (rig, status, ago = 0) => {
      const g = rig.keep(new AvoidStructure({ name: 'VESSEL', mesh: ball(0, 0, 0, 30) }));
      g.update(poseOf(status, placed([70, 0, 0], [0, 0, 1]), when(ago)));
      return rig.draw([g]);
    },
  },
  {
    name: 'ultrasound',
    picture: (rig, status, ago = 0) => {
      const image = paintedImage();
      const g = rig.keep(
        new UltrasoundPlane({ image, ...GEOMETRY, probeFromImage: [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, -28, 0, 30, 1] }),
      );
      g.update(poseOf(status, placed([0, 0, 0], [0.1, 0, 1]), when(ago)));
      rig.look([60, -200, 50]);
      const seen = rig.draw([g]);
      rig.look([60, -330, 90]);
      return seen;
    },
  },
  {
    name: 'bullseye',
    picture: (_, status, ago = 0) => {
      const there = host();
      const g = new Bullseye(there, { plan: PLAN, pixelRatio: 1 });
      const view = poseOf(status, onPlan(30), when(ago));
      view.covarianceKnown = view.hasPose;
      view.covariance.set(COVARIANCE);
      g.update(view);
      g.settle(NOW, STALE_AFTER_MS);
      const seen = pictureOf(g.canvas);
      g.dispose();
      there.remove();
      return seen;
    },
  },
  {
    name: 'depth',
    picture: (_, status, ago = 0) => {
      const there = host(170);
      const g = new DepthBar(there, { plan: PLAN, pixelRatio: 1 });
      g.update(poseOf(status, onPlan(30, [1, 0.5]), when(ago)));
      g.settle(NOW, STALE_AFTER_MS);
      const seen = pictureOf(g.canvas);
      g.dispose();
      there.remove();
      return seen;
    },
  },
  {
    name: 'view',
    picture: (_, status, ago = 0) => {
      const there = host();
      const image = paintedImage();
      const g = new UltrasoundView(there, { image, ...GEOMETRY, pixelRatio: 1 });
      g.setTargets([
        { name: 'LESION', xyz: [36, 26, 0.4] },
        { name: 'CLIP', xyz: [22, 34, -6.2] },
      ]);
      g.update(poseOf(status, IDENTITY, when(ago)));
      g.settle(NOW, STALE_AFTER_MS);
      const seen = pictureOf(g.canvas);
      g.dispose();
      image.dispose();
      there.remove();
      return seen;
    },
  },
];

/** What other than a status changes a picture: asked for by name. */
export const SCENES: Readonly<Record<string, (rig: Rig) => Picture>> = {
  'corridor-known': (rig) => {
    const g = rig.keep(new TrajectoryCorridor({ plan: PLAN }));
    g.update(COVARIANCE, 20);
    return rig.draw([g]);
  },
  'corridor-slice': (rig) => {
    const g = rig.keep(new TrajectoryCorridor({ plan: PLAN }));
    g.update(COVARIANCE, 20);
    return rig.drawSlice([g], coronal());
  },
  'corridor-slice-unknown': (rig) => rig.drawSlice([rig.keep(new TrajectoryCorridor({ plan: PLAN }))], coronal()),
  'fan-slice': (rig) => {
    const g = rig.keep(new InstrumentGraphic(PROBE));
    g.update(poseOf('ok', placed([0, 0, 30], [0, 0, 1])));
    return rig.drawSlice([g], coronal());
  },
  'corridor-unknown': (rig) => rig.draw([rig.keep(new TrajectoryCorridor({ plan: PLAN }))]),
  'zones-scene': (rig) => {
    rig.look([20, -150, 45]);
    const seen = rig.draw(zones(rig));
    rig.look([60, -330, 90]);
    return seen;
  },
  'zones-slice': (rig) => rig.drawSlice(zones(rig), coronal()),
  'structure-warn': (rig) => near(rig, 7),
  'structure-danger': (rig) => near(rig, 2.5),
  'structure-inside': (rig) => near(rig, -1),
  'depth-past': () => depthAt(-6, [0.5, 0]),
  'depth-beside': () => depthAt(-6, [14, 0]),
  'view-old-frame': () => {
    const there = host();
    const image = paintedImage(0);
    const g = new UltrasoundView(there, { image, ...GEOMETRY, pixelRatio: 1 });
    g.update(poseOf('ok', IDENTITY));
    g.settle(NOW, STALE_AFTER_MS);
    const seen = pictureOf(g.canvas);
    g.dispose();
    image.dispose();
    there.remove();
    return seen;
  },
};

/** A planned and an achieved zone that miss each other by some millimetres. */
function zones(rig: Rig): AblationZoneGraphic[] {
  const planned = rig.keep(new AblationZoneGraphic({ kind: 'planned', semiAxesMm: [18, 14, 25] }));
  const achieved = rig.keep(new AblationZoneGraphic({ kind: 'achieved', semiAxesMm: [16, 15, 20] }));
  planned.place(placed([0, 0, 0], [0.3, 0, 1]));
  achieved.place(placed([6, 0, 4], [0.2, 0, 1]));
  return [planned, achieved];
}

/** The depth bar for a tip so far from the target, off the line. */
function depthAt(remainingMm: number, off: readonly [number, number]): Picture {
  const there = host(170);
  const g = new DepthBar(there, { plan: PLAN, pixelRatio: 1 });
  g.update(poseOf('ok', onPlan(remainingMm, off)));
  g.settle(NOW, STALE_AFTER_MS);
  const seen = pictureOf(g.canvas);
  g.dispose();
  there.remove();
  return seen;
}

/** A needle that far from a structure. */
function near(rig: Rig, mm: number): Picture {
  const structure = rig.keep(new AvoidStructure({ name: 'VESSEL', mesh: ball(-30, 0, 0, 30) }));
  const needle = rig.keep(new InstrumentGraphic(NEEDLE));
  for (const g of [structure, needle]) g.update(poseOf('ok', placed([mm, 0, 0], [0.5, 0, 1])));
  return rig.draw([structure, needle]);
}

/** A coronal slice through the origin. */
export function coronal(): PlaneView {
  const plane = new PlaneView();
  plane.axes = patientAxes('coronal');
  plane.width = 256;
  plane.height = 256;
  plane.mmPerPx = 0.3;
  return plane;
}

const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
