/** What a simulation was asked by its page, in words a person can act on where it was not understood. */
export class BadOrder extends Error {}

/** An order as it came: nothing of it is believed yet. */
export type Order = Readonly<Record<string, unknown>>;

/** The order as an object. @throws BadOrder */
export function orderOf(order: unknown): Order {
  if (!isRecord(order)) throw new BadOrder('An order is a JSON object.');
  return order;
}

/** Whether something is an object with named parts. */
export function isRecord(value: unknown): value is Order {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number of an order between two others. @throws BadOrder naming it and the limits */
export function numberOf(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new BadOrder(`${name} is a number, ${least} … ${most}.`);
  }
  return value;
}

/** Which of so many things an order means, from 0. @throws BadOrder */
export function indexOf(value: unknown, name: string, count: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= count) {
    throw new BadOrder(`${name} is a whole number, 0 … ${count - 1}.`);
  }
  return value;
}

/** One of several names. @throws BadOrder */
export function oneOf<T extends string>(value: unknown, name: string, names: readonly T[]): T {
  const found = names.find((n) => n === value);
  if (found === undefined) throw new BadOrder(`${name} is one of ${names.join(', ')}.`);
  return found;
}

/** A place of an order, mm. @throws BadOrder */
export function placeOf(value: unknown, name: string): number[] {
  if (!Array.isArray(value) || value.length !== 3 || !value.every((v) => typeof v === 'number' && Math.abs(v) < 1e5)) {
    throw new BadOrder(`${name} is three numbers, mm.`);
  }
  return value as number[];
}
