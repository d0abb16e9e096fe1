import { FrameGraph, frame, PoseSample, PoseView, point, type Status, transform } from '@trocar/core';
import {
  Deviation,
  type GuidanceState,
  guidanceState,
  parseReading,
  readout,
  straightPlan,
  UNKNOWN,
} from '@trocar/core/guidance';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, quaternionOf, Random } from '@trocar/core/math';
import { manualClock } from '@trocar/core/testing';
import { describe, expect, it } from 'vitest';

/**
 * A cranial navigation display showed the tip short of the target when it had reached it (recall of 2018, class I). A biopsy needle is
 * pushed along a plan, past its target, by a script that knows where the tip truly is. At every frame of the display, what is
 * readable must be the truth of the moment the tracker measured; while the tracker sees nothing, repeats old poses, clamps them at
 * the border of its volume or is silent, nothing may be readable that could be taken for the present.
 */

const [ct, tracker, holder, tip] = [frame('ct'), frame('tracker'), frame('holder'), frame('tip')];
const SPEED_MM_PER_S = 8;
const FRAME_MS = 1000 / 60;
const SAMPLE_MS = 1000 / 45;
const STALE_MS = 115;

interface Fault {
  readonly fromMs: number;
  readonly toMs: number;
  /** `silent`: nothing arrives. `clamped`: outside the volume, at its border. `repeated`: an old pose with its old time. */
  readonly kind: 'missing' | 'silent' | 'clamped' | 'repeated';
}

interface Shown {
  readonly atMs: number;
  readonly truthMm: number;
  readonly fault: Fault | undefined;
  readonly status: Status;
  readonly state: GuidanceState;
  readonly depth: string;
  readonly distance: string;
  readonly ageMs: number;
}

const random = new Random(31);
const plan = straightPlan({ entry: point(ct, [42, -61, 88]), target: point(ct, [11, -17, 35]) });
const START_MM = -12;
const END_MM = plan.lengthMm + 8;

/** How deep the tip truly is, mm along the plan: pushed, held still at the target for two seconds, and pushed on. */
function trueDepth(ms: number): number {
  const pushed = START_MM + (SPEED_MM_PER_S * ms) / 1000;
  if (pushed < plan.lengthMm) return pushed;
  return Math.max(plan.lengthMm, pushed - 2 * SPEED_MM_PER_S);
}

/** ct from tip, the tip at that depth on the plan and its −z along it. */
function ctFromTip(depthMm: number): Float64Array {
  const [x, y, z] = plan.axis;
  // Turns −z to the axis.
  const angle = Math.acos(-z);
  const across = [y, -x, 0].map((v) => (v * angle) / Math.hypot(x, y));
  const m = fromRotationVector(new Float64Array(16), across);
  for (let k = 0; k < 3; k += 1) m[12 + k] = (plan.entry.xyz[k] as number) + depthMm * (plan.axis[k] as number);
  return m;
}

/** Runs the insertion; every frame of the display. */
function insertion(faults: readonly Fault[]): Shown[] {
  const rigid = (t: readonly number[]): Float64Array =>
    fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), t);
  const [ctFromTracker, holderFromTip] = [rigid([150, -80, 1400]), rigid([4, -9, -180])];
  const graph = new FrameGraph();
  graph.set(transform(ct, tracker, ctFromTracker));
  graph.set(transform(holder, tip, holderFromTip));
  const buffer = graph.stream(tracker, holder, { staleAfterMs: STALE_MS });
  const back = invertRigid(new Float64Array(16), ctFromTracker);
  const up = invertRigid(new Float64Array(16), holderFromTip);
  const clock = manualClock(0);
  const [deviation, view, sample] = [new Deviation(plan), new PoseView(), new PoseSample()];
  const path = graph.path(ct, tip);
  const shown: Shown[] = [];
  let state: GuidanceState = 'noPose';
  const measure = (atMs: number): void => {
    const fault = faults.find((f) => atMs >= f.fromMs && atMs < f.toMs);
    if (fault?.kind === 'silent') return;
    const measuredMs = fault?.kind === 'repeated' ? fault.fromMs - SAMPLE_MS : atMs;
    const depth = trueDepth(fault?.kind === 'clamped' ? fault.fromMs : measuredMs);
    const m = multiply4(new Float64Array(16), back, multiply4(new Float64Array(16), ctFromTip(depth), up));
    const [x, y, z, w] = quaternionOf(new Float64Array(4), m) as unknown as [number, number, number, number];
    sample.measuredAt = measuredMs as typeof sample.measuredAt;
    sample.arrivedAt = (atMs + 6) as typeof sample.arrivedAt;
    sample.status = fault?.kind === 'missing' ? 'missing' : fault?.kind === 'clamped' ? 'outOfVolume' : 'ok';
    sample.setPose(m[12] as number, m[13] as number, m[14] as number, x, y, z, w);
    buffer.push(sample);
  };
  const lengthMs = ((END_MM - START_MM) / SPEED_MM_PER_S + 2) * 1000;
  let next = 0;
  for (let at = 40; at < lengthMs; at += FRAME_MS) {
    for (; next + 6 <= at; next += SAMPLE_MS) measure(next);
    clock.set(at);
    graph.tick(clock.now());
    const status = deviation.read(path, view);
    state = guidanceState(deviation, state);
    const { depth, distance } = readout(deviation);
    const fault = faults.find((f) => at >= f.fromMs && at < f.toMs);
    shown.push({
      atMs: at,
      truthMm: plan.lengthMm - trueDepth(at),
      fault,
      status,
      state,
      depth,
      distance,
      ageMs: deviation.ageMs,
    });
  }
  return shown;
}

/** What is read must be the remaining depth at the time it was measured, to half of its last digit. */
function expectTrue(s: Shown): void {
  const measured = plan.lengthMm - trueDepth(s.atMs - s.ageMs);
  expect(Math.abs(parseReading(s.depth) - measured)).toBeLessThan(0.05 + 1e-6);
  expect(Math.abs(parseReading(s.distance) - Math.abs(measured))).toBeLessThan(0.05 + 1e-6);
  expect(Math.abs(parseReading(s.depth) - s.truthMm)).toBeLessThan(0.05 + 1e-6 + (SPEED_MM_PER_S * s.ageMs) / 1000);
}

describe('a display that was short of the true tip', () => {
  it('reads the true depth at every frame of a whole insertion: before the target, on it, and past it', () => {
    const shown = insertion([]);
    for (const s of shown) {
      expect(s.ageMs).toBeLessThan(6 + SAMPLE_MS + FRAME_MS);
      expectTrue(s);
    }
    const held = shown.filter((s) => s.truthMm === 0 && s.ageMs < 500).slice(5, -5);
    expect(held.length).toBeGreaterThan(90);
    for (const s of held) expect([s.depth, s.state]).toEqual(['0.0\u202fmm', 'onTarget']);
    const past = shown.filter((s) => s.truthMm < -1.5);
    expect(past.length).toBeGreaterThan(40);
    for (const s of past) expect([s.depth[0], s.state]).toEqual(['\u2212', 'pastTarget']);
    // It got there step by step: no reading was skipped or held.
    const readings = new Set(shown.map((s) => s.depth));
    expect(readings.size).toBeGreaterThan((END_MM - START_MM) / 0.2);
  });

  it.each(['missing', 'silent', 'clamped', 'repeated'] as const)(
    'while poses are %s, shows nothing as live that is not, however the tip goes on to the target',
    (kind) => {
      const reached = ((plan.lengthMm - START_MM) / SPEED_MM_PER_S) * 1000;
      // Lost 9 mm before the target, seen again past it.
      const fault: Fault = { kind, fromMs: reached - 1100, toMs: reached + 2600 };
      const shown = insertion([fault]);
      const during = shown.filter((s) => s.fault !== undefined);
      expect(during.length).toBeGreaterThan(200);
      for (const s of shown) {
        if (s.depth !== UNKNOWN) expectTrue(s);
        expect(s.depth === UNKNOWN).toBe(s.distance === UNKNOWN);
        expect(s.depth === UNKNOWN).toBe(s.state === 'noPose' || s.state === 'notLive');
      }
      // A pose that was true when measured may stand for the time it takes to grow stale, and one frame.
      const late = during.filter((s) => s.atMs > fault.fromMs + STALE_MS + FRAME_MS);
      for (const s of late) expect([s.depth, s.distance]).toEqual([UNKNOWN, UNKNOWN]);
      const after = shown.filter((s) => s.atMs > fault.toMs + 6 + SAMPLE_MS + FRAME_MS);
      expect(after.length).toBeGreaterThan(20);
      for (const s of after) expect([s.state, s.depth === UNKNOWN]).toEqual(['pastTarget', false]);
    },
  );
});
