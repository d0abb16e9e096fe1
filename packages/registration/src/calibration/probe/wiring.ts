import { linearProbe } from './linear.js';
import type { WireModel } from './model.js';
import { type NWire, type NWirePhantom, type PhantomWire, patternsOf } from './phantom.js';

/** Another wiring must fit so much better than the one that is said, to be named. */
const MUCH_BETTER = 2.5;
/** About so many images are enough to tell. */
const IMAGES = 60;

/**
 * Which N-wires' middle wires would have to run the other way for the images to fit much better: numbers of N-wires, none where what is said fits. The ends of a middle wire are easily
 * exchanged, when it is drawn or when it is written down.
 */
export function crossedWires({ observations, track, labelling, phantom }: WireModel, lagMs: number): number[] {
  const every = Math.ceil(observations.length / IMAGES);
  const rms = (crossed: number, mirrored: boolean, upsideDown: boolean): number =>
    linearProbe(observations, track, patternsOf(withCrossed(phantom, crossed)), { mirrored, upsideDown }, lagMs, every)?.rmsMm ??
    Number.POSITIVE_INFINITY;
  let best = 0;
  let least = rms(0, labelling.mirrored, labelling.upsideDown) / MUCH_BETTER;
  for (let crossed = 1; crossed < 2 ** phantom.patterns.length; crossed += 1) {
    // By a wrong wiring the images may have been taken for mirrored ones.
    for (const [mirrored, upsideDown] of [
      [labelling.mirrored, labelling.upsideDown],
      [!labelling.mirrored, labelling.upsideDown],
      [labelling.mirrored, !labelling.upsideDown],
      [!labelling.mirrored, !labelling.upsideDown],
    ] as const) {
      const own = rms(crossed, mirrored, upsideDown);
      if (own < least) [best, least] = [crossed, own];
    }
  }
  return phantom.patterns.map((_, n) => n).filter((n) => ((best >> n) & 1) === 1);
}

function withCrossed({ name, patterns }: NWirePhantom, crossed: number): NWirePhantom {
  return { name, patterns: patterns.map((pattern, n) => (((crossed >> n) & 1) === 1 ? withReversed(pattern) : pattern)) };
}

/** The middle wire between the same walls from where it ended to where it began. */
function withReversed([a, middle, b]: NWire): NWire {
  const along = [0, 1, 2].map((r) => (a.back[r] as number) - (a.front[r] as number));
  const square = along.reduce((sum, x) => sum + x * x, 0);
  const depth = along.reduce((sum, x, r) => sum + x * ((middle.back[r] as number) - (middle.front[r] as number)), 0) / square;
  const moved = (p: PhantomWire['front'], by: number): PhantomWire['front'] => [
    p[0] + by * (along[0] as number),
    p[1] + by * (along[1] as number),
    p[2] + by * (along[2] as number),
  ];
  return [a, { ...middle, front: moved(middle.back, -depth), back: moved(middle.front, depth) }, b];
}
