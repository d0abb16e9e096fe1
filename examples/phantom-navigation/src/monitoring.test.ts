import { describe, expect, it } from 'vitest';
import type { BodyName } from '../../suite/src/frames.js';
import { Monitoring } from '../../suite/src/monitoring.js';
import { phantomCase } from './case.js';
import { SimulatedProcedure } from './simulated-procedure.js';

const given = phantomCase(1, 16);
const BY = 'R. Okafor';
const FRAME_MS = 1000 / 60;

/** A procedure under its monitor, up to navigation. */
class Watched {
  readonly world: SimulatedProcedure;
  readonly monitoring: Monitoring<BodyName>;
  #frame = 0;

  constructor(seed: number) {
    this.world = new SimulatedProcedure(given, seed);
    this.monitoring = new Monitoring({
      sensing: this.world.procedure.sensing,
      needed: ['stylus', 'reference'],
      reference: { body: 'reference', anchor: 'anchor' },
      periodMs: FRAME_MS,
    });
    this.world.beginWithStored();
    this.monitoring.learn();
    this.pass(1200);
    for (let i = 0; i < given.fiducials.length; i += 1) this.world.touch(i);
    expect(this.world.procedure.register()).toBeUndefined();
    expect(this.world.procedure.accept()).toBeUndefined();
    this.monitoring.state.navigating = true;
    this.pass(600);
  }

  get rules(): string[] {
    return this.monitoring.monitor.alarms.map((a) => a.rule);
  }

  /** Frames for so long; returns after how many ms the alarm stood, or NaN. */
  pass(ms: number, awaited?: string): number {
    for (let t = 0; t < ms; t += FRAME_MS) {
      this.world.frame();
      this.#frame += 1;
      for (const tool of ['stylus', 'reference', 'anchor']) this.monitoring.packet(tool, this.#frame, this.#frame * FRAME_MS);
      this.monitoring.tick(this.world.clock.now());
      if (awaited !== undefined && this.rules.includes(awaited)) return t + FRAME_MS;
    }
    return Number.NaN;
  }
}

describe('a procedure under its monitor', () => {
  it('has no alarm while nothing is wrong, also when the table is moved', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const w = new Watched(seed);
      w.world.truth.moveTable([12, -8, 5]);
      w.pass(3000);
      expect(w.rules, `seed ${seed}`).toEqual([]);
    }
  });

  it('finds a push of the reference within a second, and keeps saying so until somebody resets it', () => {
    for (const seed of [1, 2, 3]) {
      const w = new Watched(seed);
      w.world.truth.bumpReference([1.5, 0, 0]);
      expect(w.pass(1000, 'reference-moved'), `seed ${seed}`).toBeLessThanOrEqual(1000);
      expect(w.monitoring.blocks).toBe(true);
      expect(w.monitoring.whyBlocked).toMatch(/reference has moved/);
      const off = w.world.truth.trueTreMm(
        w.world.procedure.proposal?.registration.edge ?? expect.unreachable(),
        given.plan.target,
      );
      expect(off).toBeGreaterThan(1);
      expect(() => w.monitoring.monitor.reset('reference-moved', '', BY)).toThrow(/still holds/);
      // Touched anew: only that ends it.
      expect(w.world.procedure.registerAgain()).toBeUndefined();
      w.monitoring.learn();
      w.pass(2000);
      w.monitoring.monitor.reset('reference-moved', '', BY);
      expect(w.monitoring.blocks).toBe(false);
    }
  });

  it('finds a turn of the reference about its own origin', () => {
    const w = new Watched(4);
    w.world.truth.bumpReference([0, 0, 0], [0, 0.02, 0]);
    expect(w.pass(1000, 'reference-moved')).toBeLessThanOrEqual(1000);
  });

  it('says that nothing watches the reference while the second body is hidden', () => {
    const w = new Watched(1);
    w.world.truth.cover('anchor', true);
    w.monitoring.learn();
    expect(w.pass(200, 'reference-unwatched')).toBeLessThan(200);
    expect(w.monitoring.blocks).toBe(false);
  });

  it('says which tool is not seen, and ends by itself when it is', () => {
    const w = new Watched(1);
    w.world.truth.cover('stylus', true);
    expect(w.pass(300, 'pose-lost')).toBeLessThanOrEqual(FRAME_MS + 100);
    expect(w.monitoring.monitor.alarms[0]?.message).toMatch(/"stylus"/);
    w.world.truth.cover('stylus', false);
    w.pass(800);
    expect(w.rules).toEqual([]);
  });

  it('accepts nothing after a restart before a landmark was touched', () => {
    const w = new Watched(1);
    w.monitoring.restore({ alarms: [] }, true);
    w.pass(20);
    expect(w.rules).toEqual(['restored-unverified']);
    expect(w.monitoring.blocks).toBe(true);
    w.world.touch(2);
    const { verification } = w.world.procedure;
    expect(verification).toMatchObject({ index: 2, held: true });
    w.monitoring.state.restored = verification?.held !== true;
    w.pass(800);
    expect(w.rules).toEqual([]);
  });

  it('a landmark that is touched after a push does not confirm the registration', () => {
    let refuted = 0;
    for (const seed of [1, 2, 3, 4]) {
      const w = new Watched(seed);
      w.world.truth.bumpReference([4, 0, 0]);
      w.world.touch(0);
      if (w.world.procedure.verification?.held === false) refuted += 1;
    }
    expect(refuted).toBe(4);
  });
});
