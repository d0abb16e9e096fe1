import { type Clock, type Instant, isNavError, point } from '@trocar/core';
import { planOn } from '../case.js';
import { CT, TOOLS, type ToolName } from '../frames.js';
import type { World } from './world.js';

/** What the hand was asked, in words a person can act on where it was not understood. */
export class BadOrder extends Error {}

/**
 * Does what a page asks of the simulated hand, and returns in how many milliseconds it will be done.
 *
 * `{touch: n, besideMm}`, `{divot: true}`, `{pivot: {coneDeg}}`, `{insert: {beyondMm, entry, target}}`, `{retract: true}`, `{cover: tool, hidden}`, `{plug: connected}`.
 * @throws BadOrder for anything else
 */
export function obey(world: World, clock: Clock, order: unknown): number {
  const now = clock.now();
  const { hand } = world.truth;
  if (!isRecord(order)) throw new BadOrder('An order is a JSON object.');
  if ('touch' in order) return arrival(touch(world, now, order), now);
  if (order['divot'] === true) return arrival(hand.goToDivot(now), now);
  if ('pivot' in order) return arrival(hand.pivot(now, coneOf(order['pivot'])), now);
  if ('insert' in order) return arrival(insert(world, now, order['insert']), now);
  if (order['retract'] === true) return arrival(hand.retract(now), now);
  if ('cover' in order) {
    world.truth.cover(toolOf(order['cover']), order['hidden'] === true);
    return 0;
  }
  if (typeof order['plug'] === 'boolean') {
    world.plug(order['plug']);
    return 0;
  }
  throw new BadOrder('An order is one of touch, divot, pivot, insert, retract, cover and plug.');
}

/** The tip rests, and its poses are through, a moment after the hand has come. */
const SETTLE_MS = 150;

function arrival(at: number, now: Instant): number {
  return Math.max(0, at - now) + SETTLE_MS;
}

function touch(world: World, now: Instant, order: Readonly<Record<string, unknown>>): number {
  const index = indexOf(order['touch'], world.truth.case.fiducials.length);
  const beside = order['besideMm'] ?? 0;
  if (typeof beside !== 'number' || !(Math.abs(beside) <= 50)) throw new BadOrder('besideMm is a number, at most 50.');
  return world.truth.hand.touch(index, now, beside);
}

function coneOf(what: unknown): number {
  const cone = isRecord(what) ? what['coneDeg'] : undefined;
  if (typeof cone !== 'number' || !(cone >= 0 && cone <= 60)) throw new BadOrder('pivot needs coneDeg, 0 … 60.');
  return cone;
}

function insert(world: World, now: Instant, what: unknown): number {
  if (!isRecord(what)) throw new BadOrder('insert needs beyondMm, entry and target.');
  const { beyondMm } = what;
  if (typeof beyondMm !== 'number' || !(Math.abs(beyondMm) <= 50)) throw new BadOrder('beyondMm is a number, at most 50.');
  try {
    const plan = planOn(world.truth.case.volume, point(CT, triple(what['entry'])), point(CT, triple(what['target'])));
    return world.truth.hand.insert(now, beyondMm, plan);
  } catch (error) {
    if (isNavError(error)) throw new BadOrder(error.message);
    throw error;
  }
}

function triple(value: unknown): number[] {
  if (!Array.isArray(value) || value.length !== 3 || !value.every((v) => typeof v === 'number' && Math.abs(v) < 1e5)) {
    throw new BadOrder('A place is three numbers, mm.');
  }
  return value as number[];
}

function indexOf(value: unknown, count: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= count) {
    throw new BadOrder(`touch needs the number of a fiducial, 0 … ${count - 1}.`);
  }
  return value;
}

function toolOf(value: unknown): ToolName {
  const tool = TOOLS.find((name) => name === value);
  if (tool === undefined) throw new BadOrder(`cover needs one of ${TOOLS.join(', ')}.`);
  return tool;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
