import { type Clock, type Instant, isNavError, point } from '@trocar/core';
import { applicatorOf, ILLUSTRATIVE_APPLICATORS, straightPlan } from '@trocar/core/guidance';
import { BadOrder, indexOf, isRecord, numberOf, type Order, oneOf, orderOf, placeOf } from '../../../suite/src/node/orders.js';
import { CT, TOOLS } from '../frames.js';
import type { World } from './world.js';

const HANDLED = ['stylus', 'applicator'] as const;
/** The tip rests, and its poses are through, a moment after the hand has come to rest on what breathes. */
const SETTLE_MS = 450;

/**
 * Does what a page asks of the simulated hand, patient and room, and returns in how many milliseconds it will be done.
 *
 * `{touch: n, besideMm}`, `{divot: tool}`, `{pivot: {coneDeg}}`, `{insert: {entry, target, besideMm}}`, `{retract: true}`,
 * `{burn: {applicator, powerW, minutes}}`, `{hold: ms}` the breath, `{cover: tool, hidden}`, `{bump: mm}`, `{freeze: hangs}`,
 * `{plug: connected}`.
 * @throws BadOrder for anything else
 */
export function obey(world: World, clock: Clock, given: unknown): number {
  const now = clock.now();
  const { truth } = world;
  const order = orderOf(given);
  if ('touch' in order) return arrival(touch(world, now, order), now);
  if ('divot' in order) {
    truth.take(oneOf(order['divot'], 'divot', HANDLED));
    return arrival(truth.goToDivot(now), now);
  }
  if ('pivot' in order) {
    const cone = isRecord(order['pivot']) ? order['pivot']['coneDeg'] : undefined;
    return arrival(truth.hand.pivot(now, numberOf(cone, 'coneDeg', 0, 60)), now);
  }
  if ('insert' in order) return arrival(insert(world, now, order['insert']), now);
  if (order['retract'] === true) return arrival(truth.hand.retract(now), now);
  if ('burn' in order) return burn(world, now, order['burn']);
  if ('hold' in order) {
    truth.breathing.hold(now, numberOf(order['hold'], 'hold', 0, 60_000));
    return 0;
  }
  if (disturb(world, order)) return 0;
  throw new BadOrder('An order is one of touch, divot, pivot, insert, retract, burn, hold, cover, bump, freeze and plug.');
}

/** What goes wrong in a room, or is mended again; false where the order is about something else. */
function disturb({ truth, tracker }: World, order: Order): boolean {
  if ('cover' in order) truth.cover(oneOf(order['cover'], 'cover', TOOLS), order['hidden'] === true);
  else if ('bump' in order) truth.bumpReference(numberOf(order['bump'], 'bump', -20, 20));
  else if (typeof order['freeze'] === 'boolean') tracker.freeze(order['freeze']);
  else if (typeof order['plug'] === 'boolean') tracker.plug(order['plug']);
  else return false;
  return true;
}

function arrival(at: number, now: Instant): number {
  return Math.max(0, at - now) + SETTLE_MS;
}

function touch({ truth }: World, now: Instant, order: Order): number {
  const { fiducials, landmarks } = truth.case;
  const index = indexOf(order['touch'], 'touch', fiducials.length + landmarks.length);
  truth.take('stylus');
  return truth.touch(index, now, numberOf(order['besideMm'] ?? 0, 'besideMm', -50, 50));
}

function insert({ truth }: World, now: Instant, what: unknown): number {
  if (!isRecord(what)) throw new BadOrder('insert needs entry, target and besideMm.');
  const beside = numberOf(what['besideMm'] ?? 0, 'besideMm', -50, 50);
  const [entry, target] = [placeOf(what['entry'], 'entry'), placeOf(what['target'], 'target')];
  truth.take('applicator');
  return understood(() => truth.insert(straightPlan({ entry: point(CT, entry), target: point(CT, target) }), now, beside));
}

/** The generator is switched on: tissue burns where the applicator truly is, which is nobody's to wait for. */
function burn({ truth }: World, now: Instant, what: unknown): number {
  if (!isRecord(what) || typeof what['applicator'] !== 'string') throw new BadOrder('burn needs applicator, powerW and minutes.');
  const { applicator } = what;
  const [powerW, minutes] = [numberOf(what['powerW'], 'powerW', 0, 500), numberOf(what['minutes'], 'minutes', 0, 60)];
  return understood(() => {
    truth.burn({ applicator: applicatorOf(ILLUSTRATIVE_APPLICATORS, applicator), powerW, minutes }, now);
    return 0;
  });
}

function understood(act: () => number): number {
  try {
    return act();
  } catch (error) {
    if (isNavError(error)) throw new BadOrder(error.message);
    throw error;
  }
}
