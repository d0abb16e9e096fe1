import { frame, type Status, transform } from '../../../frames/index.js';
import {
  type AblationTarget,
  ablationTarget,
  ellipsoidZone,
  type MarginMap,
  marginMap,
  placeProbe,
} from '../../../guidance/index.js';
import { fromRotationVector } from '../../../math/index.js';
import { ellipsoidMesh } from '../../../testing/ablation/ellipsoid-mesh.js';
import { type MarginKind, MarginSurface } from '../index.js';
import { type Case, COVARIANCE, coronal, placed } from './cases.js';
import { NOW, type Picture, poseOf, type Rig } from './rig.js';

const CT = frame('ct');
const TIP = frame('tip');

/** A tumour of 36 × 30 × 34 mm, to the left and above the middle. */
export const TUMOUR: AblationTarget<'ct'> = ablationTarget(ellipsoidMesh(CT, [6, 0, 5], [18, 15, 17]));

/** Its margins in a zone that is too short at one end: of all four steps. */
export const MARGINS: MarginMap<'ct'> = marginMap(
  TUMOUR,
  ellipsoidZone([
    placeProbe(transform(CT, TIP, fromRotationVector(new Float64Array(16), [0, 0.9, 0])), {
      radiiMm: [18, 24, 30],
      centreMm: -1,
    }),
  ]),
);

/** How well its place is known. */
export const PLACE_ERROR: { readonly covariance: Float64Array; readonly degreesOfFreedom: number } = {
  covariance: COVARIANCE,
  degreesOfFreedom: 20,
};

/** A picture with left and right exchanged. */
export function mirrored({ width, height, data }: Picture): Picture {
  const out = new Uint8ClampedArray(data.length);
  for (let n = 0; n < width * height; n += 1) {
    const x = n % width;
    out.set(data.subarray(4 * n, 4 * n + 4), 4 * (n - x + width - 1 - x));
  }
  return { width, height, data: out };
}

/** Looks at something small from the left front and above, and back again. */
function near(rig: Rig, picture: () => Picture): Picture {
  rig.look([-90, -80, 60]);
  const seen = picture();
  rig.look([60, -330, 90]);
  return seen;
}

function margins(rig: Rig, kind: MarginKind, status: Status, ago: number): MarginSurface<'ct'> {
  const g = rig.keep(new MarginSurface({ kind, surface: TUMOUR.surface }));
  if (kind !== 'tracked') {
    g.show(status === 'ok' ? MARGINS : undefined, PLACE_ERROR);
    return g;
  }
  const view = poseOf(status, placed([0, 0, 0], [0, 0, 1]), (NOW[0] as number) - ago);
  view.covarianceKnown = view.hasPose;
  view.covariance.set(COVARIANCE);
  g.update(view, MARGINS);
  return g;
}

/** Graphics of a procedure that a pose drives. */
export const LIVE_CASES: readonly Case[] = [
  {
    name: 'margin-scene',
    picture: (rig, status, ago = 0) => near(rig, () => rig.draw([margins(rig, 'tracked', status, ago)])),
  },
  { name: 'margin-slice', picture: (rig, status, ago = 0) => rig.drawSlice([margins(rig, 'tracked', status, ago)], coronal()) },
];

/** What other than a pose's status changes a picture; each is held against all others of its group, the name before the colon. */
export const STILLS: Readonly<Record<string, (rig: Rig) => Picture>> = {
  'margin-scene:planned': (rig) => near(rig, () => rig.draw([margins(rig, 'planned', 'ok', 0)])),
  'margin-scene:confirmed': (rig) => near(rig, () => rig.draw([margins(rig, 'confirmed', 'ok', 0)])),
  'margin-scene:none': (rig) => near(rig, () => rig.draw([margins(rig, 'planned', 'unknown', 0)])),
  'margin-slice:planned': (rig) => rig.drawSlice([margins(rig, 'planned', 'ok', 0)], coronal()),
  'margin-slice:confirmed': (rig) => rig.drawSlice([margins(rig, 'confirmed', 'ok', 0)], coronal()),
};
