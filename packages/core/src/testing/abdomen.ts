import { type Body, image, type Part, type Phantom, type PhantomOptions } from './phantom.js';
import { ball, ellipsoid, halfSpace, intersection, type Solid, tube, union } from './solid.js';

/** A rib: half an ellipse around the trunk from the spine, sinking towards the front. */
function rib(side: 1 | -1, level: number): Solid {
  const points = Array.from({ length: 9 }, (_, i): [number, number, number] => {
    const angle = Math.PI * (0.08 + 0.09 * i);
    return [-3 + side * 132 * Math.sin(angle), 8 + 84 * Math.cos(angle), level - 5 * i];
  });
  return tube(points, 5);
}

/** Fat, muscle, what they enclose, and bone, LPS mm. The trunk goes on beyond the volume. */
function wall(): Part[] {
  return [
    { name: 'skin', solid: ellipsoid([-3, 6, 0], [162, 118, 900]), hu: -90, mr: 760 },
    { name: 'muscle', solid: ellipsoid([-3, 7, 0], [146, 102, 900]), hu: 52, mr: 330 },
    { name: 'peritoneum', solid: ellipsoid([-3, -6, 0], [128, 76, 900]), hu: -60, mr: 640 },
    {
      name: 'bone',
      solid: union(
        tube(
          [
            [-3, 72, -140],
            [-3, 66, 140],
          ],
          22,
        ),
        ...[118, 88, 58].flatMap((level) => [rib(1, level), rib(-1, level - 2)]),
      ),
      hu: 420,
      mr: 90,
    },
  ];
}

/** Solid and hollow organs and the tumour, LPS mm. */
function organs(): Part[] {
  const liver = union(ellipsoid([-68, -2, 38], [66, 74, 62]), ellipsoid([2, -34, 46], [58, 40, 34]));
  return [
    { name: 'liver', solid: liver, hu: 105, mr: 480 },
    { name: 'spleen', solid: ellipsoid([98, 30, 52], [24, 34, 42]), hu: 115, mr: 400 },
    {
      name: 'kidneys',
      solid: union(ellipsoid([-66, 48, -52], [25, 22, 50]), ellipsoid([64, 46, -36], [27, 23, 54])),
      hu: 170,
      mr: 300,
    },
    { name: 'stomach', solid: ellipsoid([60, -32, 38], [36, 30, 44]), hu: 20, mr: 210 },
    { name: 'gas', solid: intersection(ellipsoid([60, -32, 38], [33, 27, 41]), halfSpace([0, 1, 0], -44)), hu: -950, mr: 5 },
    { name: 'gallbladder', solid: ellipsoid([-40, -40, -8], [14, 15, 24]), hu: 10, mr: 150 },
    vessels(),
    { name: 'tumour', solid: union(ball([-88, -26, 62], 13), ball([-80, -32, 66], 10)), hu: 62, mr: 250 },
  ];
}

/** Aorta, vena cava, portal and hepatic veins. */
function vessels(): Part {
  return {
    name: 'vessels',
    solid: union(
      tube(
        [
          [14, 36, -140],
          [10, 34, 140],
        ],
        10,
      ),
      tube(
        [
          [-22, 34, -140],
          [-20, 30, 40],
          [-16, 22, 140],
        ],
        11,
      ),
      tube(
        [
          [-6, 10, -30],
          [-26, 0, 22],
          [-60, -8, 36],
          [-92, -4, 34],
        ],
        6,
      ),
      tube(
        [
          [-26, 0, 22],
          [6, -24, 48],
        ],
        4.5,
      ),
      tube(
        [
          [-20, 26, 84],
          [-52, 12, 64],
          [-94, 24, 52],
        ],
        4,
      ),
    ),
    hu: 190,
    mr: 850,
  };
}

/** An upper abdomen of adult size. */
function abdomenBody(): Body {
  return {
    name: 'abdomen',
    parts: [...wall(), ...organs()],
    field: [-180, -130, -128, 174, 138, 128],
    centre: [-3, 0, 0],
    markerDirections: [
      [-60, -100, 66],
      [12, -110, 92],
      [92, -84, 48],
      [-118, -54, -22],
      [-26, -110, -40],
      [64, -96, -78],
      [128, -30, -10],
      [-92, -74, 104],
    ],
    targets: [
      [-88, -26, 62],
      [-50, 34, 44],
      [64, 46, -36],
    ],
    entryDirection: [-62, -74, -6],
    frameOfReferenceUid: '2.25.310958214767213946051873201984411200002',
  };
}

/**
 * An upper abdomen: fat, muscle, spine and ribs, liver, spleen, kidneys, stomach with gas, gallbladder, aorta, vena cava,
 * portal and hepatic veins, a tumour in the right lobe, and eight skin markers with divots on the front and flanks. About
 * 355 × 270 × 255 mm; the volume ends within the trunk at both ends. Targets: the tumour's centre, then one deep in the
 * liver and the left kidney.
 * @throws NavError `volume/bad-geometry` for options that make no grid
 */
export function abdomenPhantom<F extends string = 'ct'>(options: PhantomOptions<F> = {}): Phantom<F> {
  return image(abdomenBody(), options);
}

/**
 * A hepatic vein that passes the tumour at 6 mm, and goes on beyond it, LPS mm: what cools a margin. It is drawn with the other
 * vessels.
 */
const VEIN_BY_THE_TUMOUR = tube(
  [
    [-52, 12, 64],
    [-74, -18, 78],
    [-92, -22, 88],
  ],
  3.5,
);

/** On the right flank, about the tumour: some to register by, some to check by. */
const MORE_MARKERS = [
  [-140, -14, 52],
  [-112, -70, 24],
] as const;

/**
 * The abdomen of {@link abdomenPhantom} with a hepatic vein of 7 mm that passes the tumour at 6 mm: for planning and confirming an
 * ablation. Two more markers on the right flank; entry and targets are the same.
 * @throws NavError `volume/bad-geometry` for options that make no grid
 */
export function liverAblationPhantom<F extends string = 'ct'>(options: PhantomOptions<F> = {}): Phantom<F> {
  const body = abdomenBody();
  const parts = body.parts.map((part) =>
    part.name === 'vessels' ? { ...part, solid: union(part.solid, VEIN_BY_THE_TUMOUR) } : part,
  );
  const markerDirections = [...body.markerDirections, ...MORE_MARKERS];
  const frameOfReferenceUid = '2.25.310958214767213946051873201984411200003';
  return image({ ...body, name: 'liver', parts, markerDirections, frameOfReferenceUid }, options);
}
