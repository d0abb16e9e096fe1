import { type Frame, frame, type Instant, type PoseView } from '@trocar/core';
import {
  ImageWatch,
  LinkWatch,
  Monitor,
  type MonitorRecord,
  ReferenceWatch,
  type Watched,
  watched,
  watchedImage,
  watchedTool,
} from '@trocar/core/guidance';
import type { Measured, Sensing } from './sensing.js';

type Place = readonly [number, number, number];

/** What is watched. */
export interface MonitoringOptions<T extends string> {
  readonly sensing: Sensing<T>;
  /** The tools that guidance rests on, once anything is guided. */
  readonly needed: readonly T[];
  /** The body that is registered, and a second one that is fixed to the patient elsewhere; undefined: there is none. */
  readonly reference: { readonly body: T; readonly anchor: T | undefined };
  /** Of the tracker, ms: its true nominal one. */
  readonly periodMs: number;
  /** Live images by name, and after how long without a change of their content each is stale, ms. */
  readonly images?: Readonly<Record<string, number>>;
}

/** A turn of the reference is watched at this lever from its origin, mm: longer, and the noise of its rotation would hide a push. */
const LEVER_MM = 100;

/**
 * What goes wrong beside the procedure, as alarms: core's `Monitor`, fed from what the bridge and the frame graph tell. The procedure
 * tells the rest through {@link state}, calls {@link learn} whenever the patient is touched anew, and asks {@link blocks}.
 */
export class Monitoring<T extends string> {
  readonly monitor: Monitor = new Monitor();
  /** What the rules look at: plan, registration, `navigating`, `restored` and `verified` are the procedure's to say. */
  readonly state: Watched;
  readonly #sensing: Sensing<T>;
  readonly #needed: ReadonlySet<T>;
  readonly #links = new Map<string, LinkWatch>();
  readonly #images = new Map<string, ImageWatch>();
  readonly #reference: ReferenceWatch;
  readonly #pair: Measured | undefined;
  readonly #packet = new Float64Array(2);
  readonly #bodies: readonly T[];

  /** @throws NavError `guidance/bad-option`, `frame/bad-name` */
  constructor({ sensing, needed, reference, periodMs, images = {} }: MonitoringOptions<T>) {
    this.#sensing = sensing;
    this.#needed = new Set(needed);
    const { body, anchor } = reference;
    this.#bodies = anchor === undefined ? [body] : [body, anchor];
    for (const name of sensing.names) this.#links.set(name, new LinkWatch({ periodMs }));
    for (const [name, limitMs] of Object.entries(images)) this.#images.set(name, new ImageWatch(limitMs));
    this.state = watched(
      sensing.names.map((name) => ({ ...watchedTool(name, periodMs), needed: false })),
      Object.keys(images).map((name) => ({ ...watchedImage(name), needed: false })),
    );
    this.#reference = new ReferenceWatch({ points: levers() });
    const of = <N extends T>(name: N): Frame<N> => frame(name);
    this.#pair = anchor === undefined ? undefined : sensing.measured(sensing.graph.path(of(anchor), of(body)), body, anchor);
  }

  /** Whether an alarm of high priority stands: then nothing may be accepted. */
  get blocks(): boolean {
    return this.monitor.blocks;
  }

  /** Why nothing may be accepted now, for a person; undefined where it may. */
  get whyBlocked(): string | undefined {
    if (!this.blocks) return undefined;
    const high = this.monitor.alarms.filter((a) => a.priority === 'high').map((a) => a.message);
    return `Nothing can be accepted while ${high.length === 1 ? 'this alarm stands' : 'these alarms stand'}: ${high.join(' ')}`;
  }

  /** One packet of a tool: its frame number, and when it came to the bridge, on any steady clock, ms. */
  packet(tool: string, frameNumber: number, arrivedAtMs: number): void {
    this.#packet[0] = frameNumber;
    this.#packet[1] = arrivedAtMs;
    this.#links.get(tool)?.push(this.#packet);
  }

  /** A live image as it came. */
  image(name: string, pixels: Uint8Array, at: Instant): void {
    this.#images.get(name)?.push(pixels, at);
  }

  /** Learns anew where the reference lies against the second body: whenever touching begins anew, never to be rid of an alarm. */
  learn(): void {
    this.#reference.reset();
    this.state.reference.touchesSayMoved = false;
  }

  /** What stood before the program stopped stands again. @param unverified a registration was restored with it */
  restore(record: MonitorRecord, unverified: boolean): void {
    this.monitor.restore(record);
    this.state.restored = unverified;
  }

  /**
   * Looks at everything once. Call it when what has come was taken in, and when nothing comes.
   * @throws NavError `time/backwards`
   */
  tick(at: Instant): void {
    const { state } = this;
    this.#sensing.update(at);
    state.atMs = at;
    for (const tool of state.tools) {
      const name = tool.name as T;
      const view: PoseView = this.#sensing.tools[name];
      tool.needed = state.navigating && this.#needed.has(name);
      tool.status = view.status;
      tool.ageMs = view.ageMs;
      this.#links.get(name)?.fill(tool);
    }
    for (const image of state.images) this.#images.get(image.name)?.fill(image, at);
    this.#watchReference();
    this.monitor.tick(state);
  }

  /** Both bodies at the newest time that both were measured at. */
  #watchReference(): void {
    if (this.#pair !== undefined && this.#sensing.sees(...this.#bodies)) {
      const view = this.#pair.read();
      if (view.isLive) this.#reference.push(view);
    }
    this.#reference.fill(this.state.reference);
  }
}

/** The reference's own origin, and a place off it along each axis: a turn about any axis moves one of them. */
function levers(): Place[] {
  return [
    [0, 0, 0],
    [LEVER_MM, 0, 0],
    [0, LEVER_MM, 0],
    [0, 0, LEVER_MM],
  ];
}
