import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { manualClock } from '../../testing/index.js';
import type { AuditDraft } from '../audit.js';
import { decodeNote, encodeNote, type Proposal, ProposalDesk, type ProposalDeskOptions } from './proposal.js';

const point = (id: number, change: Partial<Proposal> = {}): Proposal => ({
  id: id.toString(16).padStart(16, '0'),
  kind: 'point',
  frameOfReferenceUid: '1.2.3',
  points: [[1, -2.5, 3.25]],
  text: 'here?',
  ...change,
});

const desk = (options: Partial<ProposalDeskOptions> = {}) => {
  const log: AuditDraft[] = [];
  const clock = manualClock(5);
  return {
    log,
    clock,
    desk: new ProposalDesk({ clock, framesOfReference: () => ['1.2.3'], audit: (d) => log.push(d), ...options }),
  };
};

describe("an observer's note", () => {
  it('arrives as it was sent', () => {
    const line = point(7, {
      kind: 'line',
      points: [
        [0, 0, 0],
        [10, 0.01, -0.01],
      ],
    });
    expect(decodeNote(encodeNote({ what: 'proposal', proposal: line }))).toEqual({ what: 'proposal', proposal: line });
    const pointer = { frameOfReferenceUid: '1.2', at: [1, 2, 3] as const };
    expect(decodeNote(encodeNote({ what: 'pointer', pointer }))).toEqual({ what: 'pointer', pointer });
  });

  it.each<[string, Partial<Proposal>]>([
    ['an id of words', { id: 'x' }],
    ['a plan of one point', { kind: 'plan' }],
    ['a point without a frame of reference', { frameOfReferenceUid: '' }],
    ['words without any', { kind: 'text', points: [], text: '' }],
    ['a line break', { text: 'a\nb' }],
    ['a place that is none', { points: [[Number.NaN, 0, 0]] }],
  ])('with %s is not made', (_, change) => {
    const make = (): unknown => encodeNote({ what: 'proposal', proposal: point(1, change) });
    expect(make).toThrowError(expect.objectContaining({ code: 'live/bad-value' }));
  });

  it('of random or damaged bytes is read or refused with a code', () => {
    const good = encodeNote({ what: 'proposal', proposal: point(1) });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length);
        if (at < length) bytes[at] = value;
        try {
          const note = decodeNote(bytes);
          expect(decodeNote(encodeNote(note))).toEqual(note);
        } catch (error) {
          expect(isNavError(error, 'live/malformed')).toBe(true);
        }
      }),
      { numRuns: 1000 * inject('effort') },
    );
  });
});

describe('the desk of the operator', () => {
  it('makes nothing part of the state that was not accepted, and writes down who did what', () => {
    const { desk: d, log } = desk();
    d.propose(point(1), 'Dr. A');
    d.propose(point(2), 'Dr. B');
    d.propose(point(1), 'Dr. A');
    expect(d.open.map((o) => [o.by, o.atMs])).toEqual([
      ['Dr. A', 5],
      ['Dr. B', 5],
    ]);
    expect(d.annotations).toEqual([]);
    d.accept(point(1).id, 'operator');
    d.reject(point(2).id, 'operator', 'a vessel lies there');
    expect(d.annotations).toEqual([{ ...point(1), by: 'Dr. A' }]);
    expect(d.verdicts).toEqual([
      { id: point(1).id, accepted: true, reason: '' },
      { id: point(2).id, accepted: false, reason: 'a vessel lies there' },
    ]);
    d.remove(point(1).id, 'operator');
    expect(d.annotations).toEqual([]);
    expect(log.map((l) => [l.actor, l.action])).toEqual([
      ['Dr. A', 'live/proposed'],
      ['Dr. B', 'live/proposed'],
      ['operator', 'live/accepted'],
      ['operator', 'live/rejected'],
      ['operator', 'live/removed'],
    ]);
    expect(log[0]?.payload).toMatchObject({ points: [[1, -2.5, 3.25]], frameOfReferenceUid: '1.2.3', text: 'here?' });
  });

  it('turns away what is in another frame of reference, and too much; its sender is told', () => {
    const { desk: d, log, clock } = desk({ mostEach: 2 });
    const refused = expect.objectContaining({ code: 'live/refused' });
    expect(() => d.propose(point(1, { frameOfReferenceUid: '9.9' }), 'A')).toThrowError(refused);
    d.propose(point(2), 'A');
    d.propose(point(3), 'A');
    expect(() => d.propose(point(4), 'A')).toThrowError(refused);
    d.propose(point(5), 'B');
    expect(d.verdicts.map((v) => v.accepted)).toEqual([false, false]);
    // One line of each person in ten seconds; the next one counts those between.
    expect(log.filter((l) => l.action === 'live/turned-away')).toHaveLength(1);
    clock.advance(10_000);
    expect(() => d.propose(point(6), 'A')).toThrowError(refused);
    expect(log.at(-1)).toMatchObject({ action: 'live/turned-away', actor: 'A', payload: { notWrittenBefore: 1 } });
  });

  it('decides nothing twice, and nothing for nobody', () => {
    const { desk: d } = desk();
    d.propose(point(1), 'A');
    expect(() => d.accept(point(1).id, '')).toThrowError(/nobody/);
    d.accept(point(1).id, 'operator');
    expect(() => d.accept(point(1).id, 'operator')).toThrowError(/no proposal/);
    expect(() => d.reject(point(9).id, 'operator')).toThrowError(/no proposal/);
    expect(() => d.remove(point(9).id, 'operator')).toThrowError(/no annotation/);
  });
});
