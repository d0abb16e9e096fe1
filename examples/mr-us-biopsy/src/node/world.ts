import type { Clock, Instant } from '@trocar/core';
import { BadOrder, indexOf, oneOf, orderOf, placeOf } from '../../../suite/src/node/orders.js';
import { startTracker, type TrackerWorld } from '../../../suite/src/node/tracker.js';
import { packed } from '../frame-bytes.js';
import { TOOLS } from '../frames.js';
import type { LiveFrame, LiveImages } from '../live-images.js';
import { BATH_BEADS, TRY_NEEDLE_MM } from '../probe.js';
import { BEAD_VIEWS } from '../probe-calibration.js';
import { type EquipmentFaults, HiddenTruth, type TrueBody, type TrueCore, USUAL_ERRORS, type WorldErrors } from '../truth.js';

/** What {@link startWorld} needs. */
export interface WorldOptions {
  readonly body: TrueBody;
  readonly seed: number;
  readonly clock: Clock;
  readonly errors?: WorldErrors;
  readonly faults?: EquipmentFaults;
  /** Pictures a second. Default 12. */
  readonly imagesHz?: number;
  readonly allowedOrigins?: readonly string[];
}

/** A simulated room: a tracker behind a bridge, and a scanner. */
export interface World extends TrackerWorld {
  /** What no procedure may look at: for the hand, and for scoring. */
  readonly truth: HiddenTruth;
  readonly images: LiveImages;
  /** The newest pictures as bytes: see `frame-bytes.ts`. */
  imageBytes(): Uint8Array;
  /** Every core that was fired, as it truly was. */
  readonly fired: readonly TrueCore[];
  fire(insertedMm: number): TrueCore;
}

/** So many of its last pictures a scanner has for who was busy, ms; and so long it goes on for who does not ask any more, ms. */
const KEPT_MS = 1500;
const ASKED_MS = 3000;

/** Starts tracker, bridge and scanner. @throws NavError as `startBridge` does */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { body, seed, clock, errors = USUAL_ERRORS, faults, imagesHz = 12 } = options;
  const truth = new HiddenTruth(body, seed, errors, faults);
  const tracker = await startTracker({
    tools: TOOLS,
    observe: (out, tool, at) => truth.observe(out, tool, at),
    clock,
    ...(options.allowedOrigins && { allowedOrigins: options.allowedOrigins }),
  });
  const listeners = new Set<(frame: LiveFrame) => void>();
  const kept: LiveFrame[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;
  const make = (): LiveFrame => {
    const frame = truth.image(clock.now());
    kept.push(frame);
    if (kept.length > Math.ceil((KEPT_MS * imagesHz) / 1000)) kept.shift();
    return frame;
  };
  // A scanner has its own pace, whoever is slow to look; while nobody looks it costs nothing.
  const timer = setInterval(() => {
    if (listeners.size === 0 && clock.now() - askedAt > ASKED_MS) return;
    const frame = make();
    for (const take of listeners) take(frame);
  }, 1000 / imagesHz);
  const fired: TrueCore[] = [];
  return {
    ...tracker,
    truth,
    fired,
    images: {
      subscribe(take) {
        listeners.add(take);
        return () => listeners.delete(take);
      },
    },
    imageBytes: () => {
      if (clock.now() - askedAt > ASKED_MS) {
        kept.length = 0;
        make();
      }
      askedAt = clock.now();
      return packed(kept, askedAt);
    },
    fire(insertedMm) {
      const core = truth.fire(clock.now(), insertedMm);
      fired.push(core);
      return core;
    },
    async close() {
      clearInterval(timer);
      await tracker.close();
    },
  };
}

/** Sides that a bead can be looked at from. */
const VIEWS = 2 * BEAD_VIEWS;
/** The pictures settle, and their poses are through, a moment after the hand has come. */
const SETTLE_MS = 350;

/**
 * Does what a page asks of the simulated room, and returns in how many ms it will be done.
 * @throws BadOrder for what it does not understand
 */
export function obey(world: World, clock: Clock, given: unknown): number {
  const order = orderOf(given);
  const now = clock.now();
  const { truth } = world;
  const arrival = (at: number): number => Math.max(0, at - now) + SETTLE_MS;
  if ('bead' in order) {
    truth.surroundings = 'bath';
    return arrival(truth.hand.bead(indexOf(order['bead'], 'bead', BATH_BEADS.length), now));
  }
  if ('view' in order) {
    truth.surroundings = 'bath';
    return arrival(truth.hand.viewBead(indexOf(order['view'], 'view', VIEWS), now));
  }
  if (order['sweep'] !== undefined) return sweep(truth, now, order['sweep']);
  if ('aim' in order) return arrival(truth.hand.aim(placeOf(order['aim'], 'aim'), now));
  if (order['rest'] === true || order['begin'] === true) {
    truth.surroundings = 'patient';
    return arrival(order['rest'] === true ? truth.hand.rest(now) : truth.hand.begin(now));
  }
  return set(world, order) ? SETTLE_MS : fail();
}

function sweep(truth: HiddenTruth, now: Instant, what: unknown): number {
  truth.surroundings = 'patient';
  const fault = oneOf(what, 'sweep', ['good', 'gap', 'too-fast'] as const);
  return Math.max(0, truth.hand.sweep(now, fault === 'good' ? undefined : fault) - now);
}

/** What takes no time. */
function set({ truth, freeze, plug, fire }: World, order: Readonly<Record<string, unknown>>): boolean {
  const { cover, move, fire: inserted } = order;
  if (typeof order['finger'] === 'boolean') truth.finger = order['finger'];
  else if (typeof order['needle'] === 'boolean') truth.insert(order['needle'] ? TRY_NEEDLE_MM : undefined);
  else if (typeof order['hang'] === 'boolean') truth.frozen = order['hang'];
  else if (typeof order['freeze'] === 'boolean') freeze(order['freeze']);
  else if (typeof order['plug'] === 'boolean') plug(order['plug']);
  else if (cover !== undefined) truth.cover(oneOf(cover, 'cover', TOOLS), order['hidden'] === true);
  else if (move !== undefined) truth.moveGland(triple(placeOf(move, 'move')));
  else if (typeof inserted === 'number' && inserted >= 0 && inserted <= 200) fire(inserted);
  else return false;
  return true;
}

function triple(p: readonly number[]): readonly [number, number, number] {
  return [p[0] as number, p[1] as number, p[2] as number];
}

function fail(): never {
  throw new BadOrder(
    'An order is one of bead, view, begin, sweep, aim, rest, finger, needle, hang, freeze, plug, cover, move and fire.',
  );
}
