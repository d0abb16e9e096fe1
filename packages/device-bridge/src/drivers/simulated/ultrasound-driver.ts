import { type Clock, type Instant, NavError, PoseSample } from '@trocar/core';
import { fromQuaternion, identity4, multiply4 } from '@trocar/core/math';
import type { Driver, PoseSink } from '../../driver.js';
import { isToolName } from '../kit/driver.js';
import { BModeScan } from './b-mode.js';
import { type EchoScene, usualScene } from './echo-scene.js';
import type { PoseSource, SimulatedPose } from './pose-source.js';

/** A tracked ultrasound machine that is not there. */
export interface SimulatedUltrasoundOptions {
  readonly clock: Clock;
  /** Names of the tool and of the source of images. Default `probe` and `ultrasound`. */
  readonly probe?: string;
  readonly source?: string;
  /** Pixels along a row, and rows. Default 640 × 480. */
  readonly size?: readonly [number, number];
  /** How deep it looks at first, mm. Default 120. */
  readonly depthMm?: number;
  /** Images and poses a second. Default 30 and 60. */
  readonly imageHz?: number;
  readonly poseHz?: number;
  /** Where the probe truly is. Default: it slides and tilts over {@link usualScene}. */
  readonly poseOf?: PoseSource;
  readonly scene?: EchoScene;
  /** Images are told, and stamped, so much later than they are of, ms: what a temporal calibration finds, with the other sign. Default 0. */
  readonly lagMs?: number;
}

/** A simulated machine, and the truth about it. */
export interface SimulatedUltrasound extends Driver {
  /** Turns the depth of the machine: the images that follow have another scale. @throws NavError `bridge/bad-option` */
  setDepth(mm: number): void;
  readonly truth: {
    readonly scene: EchoScene;
    /** p_probe = m · (column, row, 0) at the present depth: 16 doubles, column-major, mm. A new one after each change. */
    readonly probeFromImage: Float64Array;
    readonly depthMm: number;
    readonly size: readonly [number, number];
  };
}

/** In front of the tracker, where the usual scene begins, mm. */
const PLACE = [0, 0, -1500] as const;
/** The image lies askew on the tool, as on every probe: turned by 0.3 rad and shifted. */
const TURN = [0, 0, Math.sin(0.15), Math.cos(0.15)] as const;
const SHIFT_MM = [12, -7, 40] as const;

/**
 * A driver that makes up a tracked probe and its B-mode images: the whole way of live ultrasound with no machine, and everything about it known.
 * Poses and images are due at exact multiples of their periods; a timer that comes late tells the newest only.
 * @throws NavError `bridge/bad-option`
 */
export function simulatedUltrasound(options: SimulatedUltrasoundOptions): SimulatedUltrasound {
  const machine = new Machine(options);
  return {
    name: 'simulated ultrasound',
    start: async (sink) => machine.start(sink),
    stop: async () => machine.stop(),
    setDepth: (mm) => machine.setDepth(mm),
    truth: machine,
  };
}

class Machine {
  readonly scene: EchoScene;
  readonly size: readonly [number, number];
  probeFromImage: Float64Array = identity4();
  depthMm = 0;
  readonly #options: SimulatedUltrasoundOptions;
  readonly #clock: Clock;
  readonly #poseOf: PoseSource;
  readonly #probe: string;
  readonly #lagMs: number;
  readonly #sample = new PoseSample();
  readonly #pixels: Uint8Array;
  readonly #pose = identity4();
  readonly #plane = identity4();
  #scan: BModeScan;
  #sink: PoseSink | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #start = 0 as Instant;
  /** The next pose and the next image, counted from the start. */
  #next: [pose: number, image: number] = [1, 1];

  constructor(options: SimulatedUltrasoundOptions) {
    const { clock, probe = 'probe', size = [640, 480], scene = usualScene(PLACE), poseOf = sweeping, lagMs = 0 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#probe = probe;
    this.#poseOf = poseOf;
    this.#lagMs = lagMs;
    this.scene = scene;
    this.size = size;
    requireOptions(options, probe, size);
    this.#pixels = new Uint8Array(size[0] * size[1]);
    this.#scan = this.#turnTo(options.depthMm ?? 120);
  }

  setDepth(mm: number): void {
    this.#scan = this.#turnTo(mm);
  }

  #turnTo(depthMm: number): BModeScan {
    if (!(depthMm >= 10 && depthMm <= 400)) {
      throw new NavError('bridge/bad-option', `A simulated probe looks 10 to 400 mm deep, not ${depthMm}.`);
    }
    const scan = new BModeScan({ width: this.size[0], height: this.size[1], depthMm }, this.scene.seed);
    this.depthMm = depthMm;
    fromQuaternion(this.#plane, TURN, [0, 0, 0]);
    // The middle of the array is at the same place of the probe at every depth.
    const middle = scan.middleColumn * scan.pixelMm;
    for (let r = 0; r < 3; r += 1) this.#plane[12 + r] = (SHIFT_MM[r] as number) - middle * (this.#plane[r] as number);
    this.probeFromImage = Float64Array.from(this.#plane, (x, n) => (n < 8 ? scan.pixelMm * x : x));
    return scan;
  }

  start(sink: PoseSink): void {
    if (this.#sink !== undefined) {
      throw new NavError('bridge/bad-option', 'The simulated ultrasound is already running. Stop it first.');
    }
    this.#sink = sink;
    sink.tools([{ name: this.#probe }]);
    sink.images?.([{ name: this.#options.source ?? 'ultrasound' }]);
    sink.connection('connected', 'Simulated.');
    this.#start = this.#clock.now();
    this.#next = [1, 1];
    this.#run();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#sink?.connection('disconnected', 'Stopped.');
    this.#sink = undefined;
  }

  #run(): void {
    const periods = [1000 / (this.#options.poseHz ?? 60), 1000 / (this.#options.imageHz ?? 30)] as const;
    const since = this.#clock.now() - this.#start;
    const duePose = Math.floor(since / periods[0]);
    const dueImage = Math.floor((since - this.#lagMs) / periods[1]);
    if (duePose >= this.#next[0]) this.#tellPose(duePose, periods[0]);
    if (dueImage >= this.#next[1]) this.#tellImage(dueImage, periods[1]);
    this.#next = [Math.max(this.#next[0], duePose + 1), Math.max(this.#next[1], dueImage + 1)];
    const at = Math.min(this.#next[0] * periods[0], this.#next[1] * periods[1] + this.#lagMs);
    this.#timer = setTimeout(() => this.#run(), Math.max(0, at - (this.#clock.now() - this.#start)));
  }

  #tellPose(number: number, periodMs: number): void {
    const at = this.#clock.plus(this.#start, number * periodMs);
    const pose = this.#poseOf(this.#probe, at);
    const v = this.#sample.values.fill(Number.NaN);
    this.#sample.measuredAt = at;
    this.#sample.arrivedAt = this.#clock.now();
    this.#sample.status = pose === undefined ? 'missing' : pose.outOfVolume === true ? 'outOfVolume' : 'ok';
    if (pose !== undefined) {
      this.#sample.errorMm = pose.errorMm ?? 0.1;
      for (let k = 0; k < 3; k += 1) v[3 + k] = pose.position[k] as number;
      for (let k = 0; k < 4; k += 1) v[6 + k] = pose.rotation[k] as number;
    }
    this.#sink?.pose(0, this.#sample, number >>> 0);
    this.#sink?.flush();
  }

  #tellImage(number: number, periodMs: number): void {
    const at = this.#clock.plus(this.#start, number * periodMs);
    const pose = this.#poseOf(this.#probe, at);
    // The tracker loses sight of the probe; the machine does not.
    if (pose !== undefined) fromQuaternion(this.#pose, pose.rotation as Float64Array, pose.position as Float64Array);
    this.#scan.image(this.scene, multiply4(identity4(), this.#pose, this.#plane), this.#pixels);
    this.#sink?.image?.(0, {
      width: this.size[0],
      height: this.size[1],
      components: 1,
      number: 'u8',
      pixels: this.#pixels,
      measuredAt: at + this.#lagMs,
      arrivedAt: this.#clock.now(),
      boundMs: 0,
      frameNumber: number >>> 0,
      spacingMm: [this.#scan.pixelMm, this.#scan.pixelMm],
      depthMm: this.depthMm,
    });
  }
}

function requireOptions(options: SimulatedUltrasoundOptions, probe: string, size: readonly [number, number]): void {
  const { imageHz = 30, poseHz = 60, lagMs = 0, source = 'ultrasound' } = options;
  const rates = [imageHz, poseHz].every((hz) => hz > 0 && hz <= 1000);
  const whole = size.every((n) => Number.isInteger(n) && n >= 16 && n <= 4096);
  if (rates && whole && lagMs >= 0 && lagMs <= 1000 && source !== '' && isToolName(probe)) return;
  throw new NavError(
    'bridge/bad-option',
    `A simulated ultrasound needs rates up to 1000 Hz, 16 to 4096 pixels each way, a lag of 0 to 1000 ms and names; got ${imageHz} and ` +
      `${poseHz} Hz, ${size.join(' × ')}, ${lagMs} ms, "${probe}" and "${source}".`,
  );
}

/** The probe slides to and fro over 40 mm in four seconds, and tilts a little, with its image in the scene. */
function sweeping(_tool: string, at: Instant): SimulatedPose {
  const phase = (2 * Math.PI * at) / 4000;
  const tilt = 0.15 * Math.sin(0.7 * phase);
  // The image's y, away from the probe, is the tracker's z: turned about x by 90°, and the tilt.
  const half = Math.PI / 4 + tilt / 2;
  return {
    position: [PLACE[0], PLACE[1] + 20 * Math.sin(phase), PLACE[2] - 20],
    rotation: [Math.sin(half), 0, 0, Math.cos(half)],
  };
}
