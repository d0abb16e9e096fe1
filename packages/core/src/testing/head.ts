import { type Body, image, type Part, type Phantom, type PhantomOptions } from './phantom.js';
import { ball, ellipsoid, tube, union } from './solid.js';

/** Scalp, bone and the hollows in it, LPS mm. Left and right differ throughout. */
function shell(): Part[] {
  const skin = union(
    ellipsoid([4, 14, 44], [76, 95, 92]),
    ellipsoid([4, -26, -12], [58, 58, 72]),
    ellipsoid([5, -84, 2], [14, 20, 22]),
    ellipsoid([82, 18, 14], [7, 15, 29]),
    ellipsoid([-73, 20, 10], [6, 14, 24]),
    ellipsoid([4, 24, -60], [52, 58, 70]),
  );
  return [
    { name: 'skin', solid: skin, hu: 40, mr: 620 },
    {
      name: 'bone',
      solid: union(
        ellipsoid([4, 14, 44], [70, 89, 86]),
        ellipsoid([4, -24, -14], [44, 46, 52]),
        tube(
          [
            [4, 40, -30],
            [5, 46, -125],
          ],
          14,
        ),
      ),
      hu: 950,
      mr: 60,
    },
    {
      name: 'sinus',
      solid: union(ellipsoid([-14, -46, -6], [13, 16, 15]), ellipsoid([22, -44, -8], [10, 14, 17])),
      hu: -980,
      mr: 5,
    },
  ];
}

/** What the skull holds, LPS mm. */
function contents(): Part[] {
  return [
    { name: 'csf', solid: ellipsoid([4, 14, 46], [63.5, 82.5, 79]), hu: 8, mr: 140 },
    {
      name: 'brain',
      solid: union(
        ellipsoid([-25, 14, 49], [31, 78, 72]),
        ellipsoid([33, 13, 48], [32, 77, 71]),
        ellipsoid([5, 52, 2], [44, 30, 24]),
      ),
      hu: 34,
      mr: 560,
    },
    {
      name: 'ventricles',
      solid: union(
        tube(
          [
            [-6, -20, 62],
            [-9, 20, 68],
            [-20, 48, 52],
          ],
          6,
        ),
        tube(
          [
            [15, -22, 60],
            [18, 18, 66],
            [27, 44, 50],
          ],
          8,
        ),
      ),
      hu: 6,
      mr: 130,
    },
    vessels(),
    { name: 'eyes', solid: union(ball([-27, -52, 12], 12), ball([36, -51, 13], 12.5)), hu: 12, mr: 180 },
    { name: 'tumour', solid: union(ellipsoid([40, 38, 78], [11, 13, 10]), ball([46, 30, 84], 8)), hu: 70, mr: 880 },
  ];
}

/** A carotid on each side and the sagittal sinus. */
function vessels(): Part {
  return {
    name: 'vessels',
    solid: union(
      tube(
        [
          [-10, 2, -30],
          [-12, -6, 22],
          [-34, -12, 34],
          [-52, 4, 48],
        ],
        2.2,
      ),
      tube(
        [
          [20, 2, -30],
          [21, -5, 20],
          [44, -14, 30],
          [60, 0, 42],
        ],
        2.6,
      ),
      tube(
        [
          [4, -60, 70],
          [4, 0, 121],
          [4, 70, 92],
        ],
        3,
      ),
    ),
    hu: 240,
    mr: 820,
  };
}

/** A head of adult size, its middle off the origin as a scanner's is. */
function headBody(): Body {
  return {
    name: 'head',
    parts: [...shell(), ...contents()],
    field: [-94, -118, -112, 106, 122, 148],
    centre: [4, 4, 34],
    markerDirections: [
      [-28, -88, 44],
      [46, -74, 30],
      [-66, -24, 56],
      [74, 10, 72],
      [10, -18, 98],
      [-40, 66, 60],
      [40, -72, -34],
      [-50, -58, -26],
    ],
    targets: [
      [40, 38, 78],
      [-22, -8, 40],
      [24, -40, 56],
    ],
    entryDirection: [34, 22, 46],
    frameOfReferenceUid: '2.25.310958214767213946051873201984411200001',
  };
}

/**
 * A head: scalp, skull, sinuses, CSF, brain, ventricles, vessels, eyes, a tumour in the left hemisphere, and eight skin
 * markers with divots. About 200 × 240 × 260 mm. Targets: the tumour's centre, then one deep right and one front left.
 * @throws NavError `volume/bad-geometry` for options that make no grid
 */
export function headPhantom<F extends string = 'ct'>(options: PhantomOptions<F> = {}): Phantom<F> {
  return image(headBody(), options);
}
