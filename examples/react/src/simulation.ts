import { type Clock, FrameGraph, frame, type PoseBuffer, PoseSample, systemClock, transform } from '@trocar/core';
import { fromRotationVector, invertRigid, multiply4, Random } from '@trocar/core/math';
import { headPhantom, observePose, type Phantom } from '@trocar/core/testing';
import { PathSource, type StageTool } from './pose-source.js';

/** The image: patient coordinates, LPS, mm. */
export const CT = frame('ct');
const TRACKER = frame('tracker');
const STYLUS = frame('stylus');

const EVERY_MS = 16;
const NOISE = { positionSdMm: 0.1, rotationSdRad: 0.001 };

/** A head, and a stylus in a hand that goes in and out along a plan, seen by a tracker that stands somewhere in the room. */
export class Simulation {
  readonly phantom: Phantom<'ct'> = headPhantom({ frame: CT, spacingMm: 2.5 });
  readonly tool: StageTool<'ct'>;
  /** Whether something is between the tracker and the stylus. */
  covered = false;
  readonly #clock: Clock = systemClock();
  readonly #stream: PoseBuffer;
  readonly #trackerFromCt = new Float64Array(16);
  readonly #random = new Random(1);
  readonly #sample = new PoseSample();
  readonly #ctFromStylus = new Float64Array(16);
  readonly #seen = new Float64Array(16);

  constructor() {
    const graph = new FrameGraph();
    // Where the tracker stands, and what a registration would find.
    const ctFromTracker = fromRotationVector(new Float64Array(16), [0.4, -0.2, 2.1]);
    ctFromTracker.set([300, -900, 500], 12);
    invertRigid(this.#trackerFromCt, ctFromTracker);
    graph.set(transform(CT, TRACKER, ctFromTracker));
    this.#stream = graph.stream(TRACKER, STYLUS, { noise: NOISE });
    const source = new PathSource(graph, graph.path(CT, STYLUS), this.#clock);
    const geometry = { kind: 'stylus', lengthMm: 140, radiusMm: 2 } as const;
    this.tool = Object.assign(source, { name: 'stylus', geometry });
  }

  /** Moves the hand until the returned function is called. */
  start(): () => void {
    const timer = setInterval(() => this.#step(), EVERY_MS);
    return () => clearInterval(timer);
  }

  #step(): void {
    const at = this.#clock.now();
    this.#move(at / 1000);
    multiply4(this.#seen, this.#trackerFromCt, this.#ctFromStylus);
    const occlusions = this.covered ? [{ fromMs: at, toMs: at + EVERY_MS }] : [];
    observePose(this.#sample, this.#seen, at, { ...NOISE, occlusions }, this.#random);
    this.#stream.push(this.#sample);
  }

  /** The stylus along the line from target to entry, its handle (+z) outwards, its tip between the two. */
  #move(seconds: number): void {
    const { entry, targets } = this.phantom;
    const target = targets[0]?.xyz as ArrayLike<number>;
    const way = Float64Array.from(target, (x, k) => (entry.xyz[k] as number) - x);
    const length = Math.hypot(...way);
    const out = way.map((x) => x / length);
    // From +z to the way out: about z × out, by the angle between them.
    const across = Math.hypot(out[0] as number, out[1] as number);
    const angle = Math.atan2(across, out[2] as number) / across;
    fromRotationVector(this.#ctFromStylus, [-(out[1] as number) * angle, (out[0] as number) * angle, 0]);
    const depth = 0.5 + 0.5 * Math.sin(seconds);
    for (let k = 0; k < 3; k += 1) this.#ctFromStylus[12 + k] = (target[k] as number) + depth * (way[k] as number);
  }
}
