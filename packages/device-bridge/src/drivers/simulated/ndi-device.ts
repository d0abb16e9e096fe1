import type { Clock, Instant } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { Bx2Reply, HANDLE_STATE, NDI_OPTION, NdiFrame, PORT_STATUS, SIX_D, STRAY_HANDLE, VALUES } from '../../codec/ndi/index.js';
import { type SimulatedPort, SimulatedPorts, type SimulatedTool, statusOf } from './ndi-ports.js';
import type { PoseSource, SimulatedPose } from './pose-source.js';

/** How the simulated tracker behaves. */
export interface NdiDeviceOptions {
  readonly tools: readonly SimulatedTool[];
  readonly clock: Clock;
  /** Its poses are told as they are, plus {@link noiseMm}. */
  readonly poseOf: PoseSource;
  /** Frames per second. Default 60. */
  readonly rateHz?: number;
  /** A frame can be read this long after it was measured, ms. Default 0. */
  readonly latencyMs?: number;
  /**
   * The newest form of tracking replies that it knows; it knows the older ones too. `gx` is a first-generation device:
   * GX alone, three wired ports and no port handles. Default `bx2`.
   */
  readonly replies?: 'gx' | 'tx' | 'bx' | 'bx2';
  /** Standard deviation of noise added to each coordinate, mm. Default 0: the poses are to bring their own. */
  readonly noiseMm?: number;
  /**
   * Standard deviation of noise on the error figure, mm. Default 0.005: as with a real tracker, no two measurements are
   * the same, also of a tool at rest. At 0 such a tool looks like a frozen tracker.
   */
  readonly errorNoiseMm?: number;
  /** Seed of both. Default 1. */
  readonly noiseSeed?: number;
  /** Stray markers that it sees: x y z each, mm in its own frame. */
  readonly straysOf?: (at: Instant) => ReadonlyArray<readonly [number, number, number]>;
  /** What its clock shows at TSTART, Unix seconds. Default 1,700,000,000. */
  readonly deviceTimeS?: number;
  /** Says something else than usual to a command: a reply text without CRC, or undefined for the usual. */
  readonly answerWith?: (name: string, args: string) => string | undefined;
}

/** `counting`: the same measurement in every frame. `still`: no new frames, but replies. */
export type SimulatedFreeze = 'counting' | 'still';

/** What BX2 was asked for. */
interface Bx2Request {
  readonly tools: boolean;
  readonly strays: boolean;
}

/**
 * The inside of a simulated NDI tracker: its ports and frames, without any I/O. Answers commands with reply texts.
 */
export class NdiDevice {
  readonly options: NdiDeviceOptions;
  readonly ports: SimulatedPorts;
  readonly #frame = new NdiFrame();
  readonly #bx2 = new Bx2Reply();
  readonly #random: Random;
  /** The frame counter begins anew here, at TSTART; NaN while not tracking. */
  #startedAt = Number.NaN;
  #initialised = false;
  /** Per tool: the frame its pose was asked for, so that two polls within one frame get the same numbers. */
  readonly #cache = new Map<string, { frame: number; pose: SimulatedPose | undefined }>();
  #frozen: SimulatedFreeze | undefined;
  #frozenAt = 0;
  /** The last frame that BX2 told: it tells each once. */
  #toldFrame = -1;
  readonly #alerts: Array<readonly [number, number]> = [];

  constructor(options: NdiDeviceOptions) {
    this.options = options;
    this.ports = new SimulatedPorts(options.tools);
    this.#random = new Random(options.noiseSeed ?? 1);
  }

  /** Whether tracking commands are answered. */
  get tracking(): boolean {
    return !Number.isNaN(this.#startedAt);
  }

  /** Whether it knows a form of tracking replies. */
  knows(form: 'gx' | 'tx' | 'bx' | 'bx2'): boolean {
    const order = ['gx', 'tx', 'bx', 'bx2'];
    return order.indexOf(form) <= order.indexOf(this.options.replies ?? 'bx2');
  }

  /** As after power on. */
  reset(): void {
    this.ports.reset();
    this.#startedAt = Number.NaN;
    this.#initialised = false;
    this.#frozen = undefined;
    this.#alerts.length = 0;
  }

  /** Pulls a wired tool out, as seen in the next tracking reply. */
  unplug(name: string): void {
    this.ports.unplug(name);
    this.alert(2, 2);
  }

  /** Plugs a wired tool in again, on a new port handle. */
  plug(name: string): void {
    this.ports.plug(name);
    this.alert(2, 1);
  }

  /** Tells an alert with the next BX2. @param type 0 fault, 1 alert, 2 event */
  alert(type: number, code: number): void {
    this.#alerts.push([type, code]);
  }

  /** Stops measuring while it goes on answering; undefined thaws it. */
  freeze(how: SimulatedFreeze | undefined): void {
    this.#frozenAt = this.#newest();
    this.#frozen = how;
  }

  /** The reply text to a set-up command, without CRC. Tracking commands are answered by the measure functions. */
  answer(name: string, args: string): string {
    const other = this.options.answerWith?.(name, args);
    if (other !== undefined) return other;
    if (name === 'RESET') {
      this.reset();
      return 'RESET';
    }
    if (name === 'INIT') {
      this.#initialised = true;
      return 'OKAY';
    }
    if (name === 'COMM') return /^[0-7A]000[01]$/.test(args) ? 'OKAY' : 'ERROR06';
    if (name === 'VER') return 'Simulated tracker\nFreeze Tag: TROCAR 001\n';
    if (name === 'APIREV') return this.knows('bx2') ? 'G.003.001' : this.knows('bx') ? 'D.001.007' : 'ERROR01';
    if (name === 'BEEP') return '1';
    if (!this.#initialised) return 'ERROR10';
    if (name === 'TSTART') return this.#setTracking(true);
    if (name === 'TSTOP') return this.#setTracking(false);
    const old = this.options.replies === 'gx';
    return (old ? this.ports.answerOld(name, args) : this.ports.answer(name, args)) ?? 'ERROR01';
  }

  #setTracking(on: boolean): string {
    if (on === this.tracking) return on ? 'ERROR12' : 'ERROR11';
    this.#startedAt = on ? this.options.clock.now() : Number.NaN;
    this.#toldFrame = -1;
    this.#cache.clear();
    return 'OKAY';
  }

  get periodMs(): number {
    return 1000 / (this.options.rateHz ?? 60);
  }

  /** The newest frame that can be read. */
  #newest(): number {
    if (this.#frozen === 'still') return this.#frozenAt;
    const readable = this.options.clock.now() - (this.options.latencyMs ?? 0) - this.#startedAt;
    return Math.max(0, Math.floor(readable / this.periodMs));
  }

  #timeOf(number: number): Instant {
    return this.options.clock.plus(this.#startedAt as Instant, number * this.periodMs);
  }

  /** The newest frame for TX, BX or GX; undefined where the device is not tracking. Reused. */
  measure(options: number): NdiFrame | undefined {
    if (!this.tracking) return undefined;
    const number = this.#newest();
    const frame = this.#frame;
    frame.begin(options);
    for (const port of this.ports.all()) this.#measurePort(frame, port, number);
    if (options & NDI_OPTION.strays) {
      for (const [k, xyz] of this.#strays(number).entries()) frame.strays.set(xyz, 3 * k);
      frame.strayCount = Math.min(20, this.#strays(number).length);
      frame.strayOutOfVolume.fill(0);
    }
    frame.systemStatus = this.ports.news;
    return frame;
  }

  #strays(number: number): ReadonlyArray<readonly [number, number, number]> {
    return this.options.straysOf?.(this.#timeOf(number)).slice(0, 20) ?? [];
  }

  #measurePort(frame: NdiFrame, port: SimulatedPort, number: number): void {
    if (!port.enabled || !port.occupied) {
      if (port.enabled || port.initialised) frame.addHandle(port.handle, HANDLE_STATE.disabled);
      return;
    }
    const pose = port.tool === undefined ? undefined : this.#poseOf(port.tool.name, number);
    const outside = pose?.outOfVolume === true;
    const visible = pose !== undefined && (!outside || (frame.options & NDI_OPTION.outOfVolume) !== 0);
    const i = frame.addHandle(port.handle, visible ? HANDLE_STATE.valid : HANDLE_STATE.missing);
    frame.portStatus[i] = statusOf(port) | (outside ? PORT_STATUS.outOfVolume : 0);
    // Number 0 means "nothing measured yet" in this protocol.
    frame.frameNumber[i] = number + 1;
    if (pose !== undefined && visible) writePose(frame.values, i * VALUES, pose);
  }

  /** What is new since the last BX2; undefined where the device is not tracking. Reused. */
  measureBx2(args: string): Bx2Reply | undefined {
    if (!this.tracking) return undefined;
    const reply = this.#bx2;
    reply.begin();
    for (const [type, code] of this.#alerts.splice(0)) {
      reply.alertType[reply.alertCount] = type;
      reply.alertCode[reply.alertCount] = code;
      reply.alertCount += 1;
    }
    const number = this.#newest();
    if (number === this.#toldFrame) return reply;
    this.#toldFrame = number;
    this.#fillBx2(reply, number, bx2Request(args));
    return reply;
  }

  #fillBx2(reply: Bx2Reply, number: number, wanted: Bx2Request): void {
    const ms = number * this.periodMs;
    reply.frameCount = 1;
    reply.frameType[0] = 2;
    reply.frameSequence[0] = number & 0xff;
    reply.frameStatus[0] = 0;
    reply.frameNumber[0] = number + 1;
    reply.frameSeconds[0] = (this.options.deviceTimeS ?? 1_700_000_000) + Math.floor(ms / 1000);
    reply.frameNanoseconds[0] = Math.round((ms % 1000) * 1e6);
    if (wanted.tools) for (const port of this.ports.all()) this.#addSixD(reply, port, number);
    if (!wanted.strays) return;
    for (const xyz of this.#strays(number)) {
      const i = reply.threeDCount;
      reply.threeDFrame[i] = 0;
      reply.threeDHandle[i] = STRAY_HANDLE;
      reply.threeDStatus[i] = 0;
      reply.threeDIndex[i] = i;
      reply.threeDValues.set(xyz, 3 * i);
      reply.threeDCount = i + 1;
    }
  }

  #addSixD(reply: Bx2Reply, port: SimulatedPort, number: number): void {
    if (!port.enabled) return;
    const i = reply.sixDCount;
    reply.sixDCount = i + 1;
    const pose = port.occupied && port.tool !== undefined ? this.#poseOf(port.tool.name, number) : undefined;
    const code = !port.occupied
      ? SIX_D.unplugged
      : pose === undefined
        ? SIX_D.missing
        : pose.outOfVolume === true
          ? SIX_D.outOfVolume
          : SIX_D.ok;
    reply.sixDFrame[i] = 0;
    reply.sixDHandle[i] = port.handle;
    reply.sixDStatus[i] = code | (pose === undefined ? SIX_D.missingBit : 0);
    if (pose !== undefined) writePose(reply.sixDValues, 8 * i, pose);
  }

  #poseOf(tool: string, number: number): SimulatedPose | undefined {
    const cached = this.#cache.get(tool);
    if (cached !== undefined && (cached.frame === number || this.#frozen !== undefined)) return cached.pose;
    const pose = this.options.poseOf(tool, this.#timeOf(number));
    const noisy = pose === undefined ? undefined : this.#withNoise(pose);
    this.#cache.set(tool, { frame: number, pose: noisy });
    return noisy;
  }

  #withNoise(pose: SimulatedPose): SimulatedPose {
    const { noiseMm = 0, errorNoiseMm = 0.005 } = this.options;
    const random = this.#random;
    const position = [0, 1, 2].map((k) => (pose.position[k] ?? Number.NaN) + (noiseMm === 0 ? 0 : noiseMm * random.normal()));
    const error = (pose.errorMm ?? 0.1) + (errorNoiseMm === 0 ? 0 : errorNoiseMm * random.normal());
    return { ...pose, position, errorMm: Math.abs(error) };
  }
}

/** Our quaternion is x y z w; NDI's has the scalar first. */
function writePose(values: Float64Array, at: number, pose: SimulatedPose): void {
  for (let k = 0; k < 4; k += 1) values[at + k] = pose.rotation[(k + 3) % 4] ?? Number.NaN;
  for (let k = 0; k < 3; k += 1) values[at + 4 + k] = pose.position[k] ?? Number.NaN;
  values[at + 7] = pose.errorMm ?? 0.1;
}

function bx2Request(args: string): Bx2Request {
  const of = (name: string): string | undefined => new RegExp(`--${name}=(\\w+)`).exec(args)?.[1];
  const points = of('3d') ?? 'none';
  return { tools: (of('6d') ?? 'tools') === 'tools', strays: points === 'strays' || points === 'all' };
}
