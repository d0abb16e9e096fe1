import type { ResultObject } from '../results.js';
import type { Check } from './headless-run.js';
import type { ResultLine, ResultsDesk } from './results-desk.js';

/** What became of the results of a run. */
export interface HeadlessResults {
  readonly check: Check;
  readonly lines: readonly Pick<ResultLine, 'kind' | 'state' | 'reason'>[];
}

/**
 * Keeps the results of a run, and sends them where there is an archive. The run holds where all are kept; where they went is told.
 * @throws NavError as {@link ResultsDesk.take}
 */
export async function keepResults(desk: ResultsDesk, results: readonly ResultObject[]): Promise<HeadlessResults> {
  for (const { kind, object } of results) await desk.take(kind, object.bytes);
  await desk.send();
  const { objects, archive, trouble } = desk.view();
  const own = objects.filter(({ uid }) => results.some(({ object }) => object.sopInstanceUid === uid));
  const lines = own.map(({ kind, state, reason }) => ({ kind, state, ...(reason !== undefined && { reason }) }));
  const where = archive ? (trouble === undefined ? '' : `; ${trouble.code}`) : '; no archive was named';
  const detail = lines.map(({ kind, state }) => `${kind} ${state}`).join(', ') + where;
  return { check: { name: 'results-kept', held: own.length === results.length, detail }, lines };
}
