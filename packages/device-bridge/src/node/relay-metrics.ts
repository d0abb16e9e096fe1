import type { RelayRoom, RoomCounts } from './relay-room.js';

const COUNTERS: ReadonlyArray<readonly [key: keyof RoomCounts, help: string]> = [
  ['snapshots', 'Whole states from the operator.'],
  ['changes', 'Changes from the operator.'],
  ['motions', 'Motion messages from the operator.'],
  ['notes', 'Notes of observers to the operator.'],
  ['replaced', 'Motion messages that newer ones replaced, over observers that have left.'],
  ['sentBytes', 'Bytes sent, over observers that have left.'],
  ['tooSlow', 'Observers that were cut because they did not keep up.'],
  ['refused', 'Participants that were refused or cut for what they sent.'],
];

/** A relay's figures in the text format of Prometheus, version 0.0.4. Rooms are named; nobody and nothing that is carried is. */
export function relayMetrics(rooms: ReadonlyMap<string, RelayRoom>, turnedAway: number, upMs: number): string {
  const out: string[] = [];
  const family = (name: string, kind: 'counter' | 'gauge', help: string, value: (room: RelayRoom) => number): void => {
    out.push(`# HELP trocar_relay_${name} ${help}`, `# TYPE trocar_relay_${name} ${kind}`);
    for (const [room, one] of rooms) out.push(`trocar_relay_${name}{room="${room}"} ${value(one)}`);
  };
  out.push('# HELP trocar_relay_up_seconds Time since the relay began.', '# TYPE trocar_relay_up_seconds gauge');
  out.push(`trocar_relay_up_seconds ${upMs / 1000}`);
  out.push(
    '# HELP trocar_relay_turned_away_total Requests turned away at the door.',
    '# TYPE trocar_relay_turned_away_total counter',
  );
  out.push(`trocar_relay_turned_away_total ${turnedAway}`);
  family('observers', 'gauge', 'Observers in the room.', (room) => room.observerCount);
  family('publisher', 'gauge', '1 where an operator publishes.', (room) => Number(room.hasPublisher));
  for (const [key, help] of COUNTERS) {
    const name = key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    family(`${name}_total`, 'counter', help, (room) => room.counts[key]);
  }
  return `${out.join('\n')}\n`;
}
