import type { SessionEvent } from '../state.js';

/** What can happen to an alarm that has been raised: not another alarm. */
const LATER = new Set(['alarm/passed', 'alarm/ended', 'alarm/acknowledged', 'alarm/reset', 'alarm/paused', 'alarm/resumed']);

/** How often an alarm was raised, one that came back counted again. */
export function alarmsRaised(events: readonly SessionEvent[]): number {
  return events.filter(({ level, name }) => (level === 'alarm' || name.startsWith('alarm/')) && !LATER.has(name)).length;
}
