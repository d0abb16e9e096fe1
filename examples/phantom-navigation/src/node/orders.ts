import { type Clock, type Instant, isNavError, point } from '@trocar/core';
import { BODIES } from '../../../suite/src/frames.js';
import { BadOrder, indexOf, isRecord, numberOf, type Order, oneOf, orderOf, placeOf } from '../../../suite/src/node/orders.js';
import { planOn } from '../case.js';
import { CT } from '../frames.js';
import type { World } from './world.js';

/**
 * Does what a page asks of the simulated hand and the simulated room, and returns in how many milliseconds it will be done.
 *
 * `{touch: n, besideMm}`, `{divot: true}`, `{pivot: {coneDeg}}`, `{insert: {beyondMm, entry, target}}`, `{retract: true}`,
 * `{cover: tool, hidden}`, `{bump: mm}`, `{freeze: hangs}`, `{plug: connected}`.
 * @throws BadOrder for anything else
 */
export function obey(world: World, clock: Clock, given: unknown): number {
  const now = clock.now();
  const { hand } = world.truth;
  const order = orderOf(given);
  if ('touch' in order) return arrival(touch(world, now, order), now);
  if (order['divot'] === true) return arrival(hand.goToDivot(now), now);
  if ('pivot' in order) return arrival(hand.pivot(now, coneOf(order['pivot'])), now);
  if ('insert' in order) return arrival(insert(world, now, order['insert']), now);
  if (order['retract'] === true) return arrival(hand.retract(now), now);
  if (disturb(world, order)) return 0;
  throw new BadOrder('An order is one of touch, divot, pivot, insert, retract, cover, bump, freeze and plug.');
}

/** What goes wrong in a room, or is mended again; false where the order is about something else. */
function disturb(world: World, order: Order): boolean {
  const { truth, tracker } = world;
  if ('cover' in order) truth.cover(oneOf(order['cover'], 'cover', BODIES), order['hidden'] === true);
  else if ('bump' in order) truth.bumpReference([numberOf(order['bump'], 'bump', -20, 20), 0, 0]);
  else if (typeof order['freeze'] === 'boolean') tracker.freeze(order['freeze']);
  else if (typeof order['plug'] === 'boolean') tracker.plug(order['plug']);
  else return false;
  return true;
}

/** The tip rests, and its poses are through, a moment after the hand has come. */
const SETTLE_MS = 150;

function arrival(at: number, now: Instant): number {
  return Math.max(0, at - now) + SETTLE_MS;
}

function touch({ truth }: World, now: Instant, order: Order): number {
  const index = indexOf(order['touch'], 'touch', truth.case.fiducials.length);
  return truth.hand.touch(index, now, numberOf(order['besideMm'] ?? 0, 'besideMm', -50, 50));
}

function coneOf(what: unknown): number {
  return numberOf(isRecord(what) ? what['coneDeg'] : undefined, 'coneDeg', 0, 60);
}

function insert({ truth }: World, now: Instant, what: unknown): number {
  if (!isRecord(what)) throw new BadOrder('insert needs beyondMm, entry and target.');
  const beyondMm = numberOf(what['beyondMm'], 'beyondMm', -50, 50);
  const [entry, target] = [placeOf(what['entry'], 'entry'), placeOf(what['target'], 'target')];
  try {
    return truth.hand.insert(now, beyondMm, planOn(truth.case.volume, point(CT, entry), point(CT, target)));
  } catch (error) {
    if (isNavError(error)) throw new BadOrder(error.message);
    throw error;
  }
}
