import { FrameGraph, frame, type Instant, PoseSample, PoseView, point, type Transform, transform } from '@trocar/core';
import { fromQuaternion, invertRigid, multiply4, quaternionOf, Random, transformPoint } from '@trocar/core/math';
import { beginSession, memoryStorage, restoreSession, type Session, setAcceptedEdges } from '@trocar/core/session';
import { manualClock } from '@trocar/core/testing';
import { volume } from '@trocar/core/volume';
import { registerPoints } from '@trocar/registration';
import { describe, expect, inject, it } from 'vitest';

/**
 * The displayed position of an instrument did not match the anatomy (recall of a cranial system). From end to end and without noise: after
 * every way through a procedure that changes what the display is computed from, the tip is shown where it is.
 */

const [ct, tracker, reference, stylus, tip] = ['ct', 'tracker', 'reference', 'stylus', 'tip'].map((n) => frame(n)) as never as [
  ReturnType<typeof frame<'ct'>>,
  ReturnType<typeof frame<'tracker'>>,
  ReturnType<typeof frame<'reference'>>,
  ReturnType<typeof frame<'stylus'>>,
  ReturnType<typeof frame<'tip'>>,
];
const BY = 'Dr. A';
const ACCURACY = { tre95Mm: 1, freMm: 0.5, fleMm: 0.4, residuals: [], findings: [], acknowledged: false };
/** What double precision leaves over a chain of four edges half a metre long, mm. */
const ROUNDING_MM = 1e-8;

const image = volume({
  frame: ct,
  voxels: new Int16Array(8),
  size: [2, 2, 2],
  frameFromIndex: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
  frameOfReferenceUid: '2.25.1',
  patient: { id: 'P-1' },
  series: { seriesUid: '2.25.2' },
});

const PLACES = [
  [70, 20, -30],
  [-68, 30, -20],
  [60, -50, 40],
  [5, -95, 0],
  [0, 80, 60],
  [-30, 10, 95],
] as const;

/** A patient, a reference on it, a stylus: as they are. */
class Room {
  readonly random: Random;
  ctFromReference: Float64Array;
  trackerFromCt: Float64Array;
  readonly stylusFromTip: Transform<'stylus', 'tip'>;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.ctFromReference = this.pose(150);
    this.trackerFromCt = this.pose(1500);
    this.stylusFromTip = transform(stylus, tip, this.pose(150));
  }

  pose(mm: number): Float64Array {
    const t = [0, 0, 0].map(() => this.random.between(-mm, mm));
    return fromQuaternion(new Float64Array(16), this.random.rotation(new Float64Array(4)), t);
  }

  registration(): Transform<'ct', 'reference'> {
    const inverse = invertRigid(new Float64Array(16), this.ctFromReference);
    const touched = PLACES.map((p) =>
      point(reference, Array.from(transformPoint(new Float64Array(3), inverse, p)) as [number, number, number]),
    );
    return registerPoints(
      ct,
      reference,
      PLACES.map((p) => point(ct, p)),
      touched,
      { fleMm: 0.1 },
    ).edge;
  }
}

/** The display: whatever a program keeps between frames, fed by poses. */
class Display {
  graph = new FrameGraph();
  at = 0;
  buffers = this.#streams();

  #streams() {
    return { stylus: this.graph.stream(tracker, stylus), reference: this.graph.stream(tracker, reference) };
  }

  /** A new program, with nothing of the old but what a session kept. */
  restart(session: Session<'ct'>): void {
    this.graph = new FrameGraph();
    this.buffers = this.#streams();
    setAcceptedEdges(this.graph, session.state);
  }

  /** How far the tip is shown from where it is, mm, when it is put somewhere. */
  errorMm(room: Room): number {
    const ctFromTip = room.pose(80);
    const tipFromStylus = invertRigid(new Float64Array(16), room.stylusFromTip.matrix as Float64Array);
    const m = multiply4(new Float64Array(16), room.trackerFromCt, multiply4(new Float64Array(16), ctFromTip, tipFromStylus));
    this.at += 20;
    this.#push('stylus', m);
    this.#push('reference', multiply4(new Float64Array(16), room.trackerFromCt, room.ctFromReference));
    this.graph.tick(this.at as Instant);
    const view = new PoseView();
    this.graph.path(ct, tip).read(view);
    expect(view.status).toBe('ok');
    return Math.hypot(...[12, 13, 14].map((k) => (view.matrix[k] as number) - (ctFromTip[k] as number)));
  }

  #push(tool: 'stylus' | 'reference', m: Float64Array): void {
    const sample = new PoseSample();
    const q = quaternionOf(new Float64Array(4), m);
    sample.values.set([this.at, this.at, Number.NaN, ...m.subarray(12, 15), ...q]);
    sample.status = 'ok';
    this.buffers[tool].push(sample);
  }
}

/** Everything that may happen between two looks. */
const WAYS = [
  'register again',
  'restore',
  'move the table',
  'move the reference and register',
  'withdraw and register',
  'set the calibration anew',
] as const;

async function go(
  way: (typeof WAYS)[number],
  room: Room,
  display: Display,
  of: { session: Session<'ct'> },
  parts: Parameters<typeof beginSession<'ct'>>[0],
) {
  if (way === 'move the table') room.trackerFromCt = room.pose(1500);
  if (way === 'move the reference and register') room.ctFromReference = room.pose(150);
  if (way === 'withdraw and register') await of.session.withdrawRegistration('asked for', BY);
  if (way === 'set the calibration anew') {
    display.graph.set(room.stylusFromTip);
    await of.session.acceptCalibration(room.stylusFromTip, BY);
  } else if (way === 'restore') {
    of.session = (await restoreSession(parts)).session;
    display.restart(of.session);
  } else if (way !== 'move the table') {
    const edge = room.registration();
    await of.session.acceptRegistration(edge, ACCURACY, BY);
    display.graph.set(edge);
  }
}

describe('the position shown', () => {
  it('is the true one after every way through a procedure, in any order', async () => {
    for (let k = 0; k < 4; k += 1) {
      const room = new Room(inject('seed') * 100 + k);
      const display = new Display();
      const parts = { storage: memoryStorage(), clock: manualClock(0), image, by: BY, software: 'test' };
      const of = { session: await beginSession(parts) };
      await go('set the calibration anew', room, display, of, parts);
      await go('register again', room, display, of, parts);
      for (let n = 0; n < 18; n += 1) {
        const way = WAYS[n < WAYS.length ? n : room.random.below(WAYS.length)] as (typeof WAYS)[number];
        await go(way, room, display, of, parts);
        expect(display.errorMm(room), `${way}, step ${n}`).toBeLessThan(ROUNDING_MM);
      }
    }
  });
});
