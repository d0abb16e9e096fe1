import { describe, expect, it } from 'vitest';
import { PACES } from '../../suite/src/hand.js';
import { USUAL_ERRORS } from '../../suite/src/truth.js';
import { phantomCase } from './case.js';
import { SimulatedProcedure, type SimulationOptions } from './simulated-procedure.js';

const given = phantomCase(1, 16);

/** Connected, and asked to calibrate. */
function connected(options: SimulationOptions = {}, seed = 4): SimulatedProcedure {
  const b = new SimulatedProcedure(given, seed, options);
  b.truth.hand.pace = PACES.fast;
  b.frame();
  expect(b.procedure.stage).toBe('calibrate');
  return b;
}

describe('the stylus, pivoted in the divot', () => {
  it('has its tip found to within what is said, and touches go on with it', () => {
    const b = connected();
    b.pivot();
    const { result } = b.procedure.calibration;
    expect(result?.outcome).toBe('ok');
    expect(result?.tip95Mm).toBeGreaterThan(0.01);
    expect(result?.tip95Mm).toBeLessThan(0.1);
    expect(b.procedure.stage).toBe('calibrate');
    expect(b.procedure.acceptCalibration()).toBeUndefined();
    expect(b.procedure.stage).toBe('collect');
    const { accepted } = b.procedure.calibration;
    expect(accepted?.source).toBe('pivot');
    expect(b.truth.tipCalibrationErrorMm(accepted?.stylusFromTip ?? expect.unreachable())).toBeLessThan(0.1);
    b.touchAll();
    expect(b.procedure.register()).toBeUndefined();
    expect(b.procedure.accept()).toBeUndefined();
  });

  it('is found where it truly is, and not where the stored calibration has it', () => {
    // A stylus that was bent by about a millimetre since.
    const b = connected({ errors: { ...USUAL_ERRORS, tipSdMm: 1 } });
    b.pivot();
    b.procedure.acceptCalibration();
    const { accepted } = b.procedure.calibration;
    expect(b.truth.tipCalibrationErrorMm(accepted?.stylusFromTip ?? expect.unreachable())).toBeLessThan(0.1);
    const stored = connected({ errors: { ...USUAL_ERRORS, tipSdMm: 1 } });
    stored.procedure.useStoredStylus();
    const old = stored.procedure.calibration.accepted;
    expect(stored.truth.tipCalibrationErrorMm(old?.stylusFromTip ?? expect.unreachable())).toBeGreaterThan(0.3);
    expect(old).toMatchObject({ source: 'stored', tip95Mm: expect.closeTo(2.8, 1) });
  });

  it('can be pivoted again, and again after it was accepted: what was touched with the old tip is forgotten', () => {
    const b = connected();
    b.pivot();
    const first = b.procedure.calibration.result;
    b.pivot();
    expect(b.procedure.calibration.result).not.toBe(first);
    b.procedure.acceptCalibration();
    b.touch(0);
    expect(b.procedure.touches[0]).toBeDefined();
    expect(b.procedure.calibrateAgain()).toBeUndefined();
    expect(b.procedure.stage).toBe('calibrate');
    expect(b.procedure.touches[0]).toBeUndefined();
    expect(b.procedure.touch(0)?.code).toBe('wrong-stage');
    expect(b.procedure.useStoredStylus()).toBeUndefined();
    expect(b.procedure.calibration.accepted?.source).toBe('stored');
  });
});

describe('a recording is refused, with what to do', () => {
  it.each([3, 5])('when the stylus was tilted by only %i°', (cone) => {
    const b = connected();
    b.pivot(cone);
    expect(b.procedure.refusal?.code).toBe('calibration/narrow');
    expect(b.procedure.refusal?.message).toMatch(/tilt/);
    expect(b.procedure.calibration.result).toBeUndefined();
    expect(b.procedure.acceptCalibration()?.code).toBe('not-calibrated');
    expect(b.procedure.stage).toBe('calibrate');
  });

  it('when the stylus lay still', () => {
    const b = connected();
    b.pivot(0);
    expect(b.procedure.refusal?.code).toBe('calibration/motionless');
  });

  it('when the stylus was covered for most of it, or before it began', () => {
    const b = connected();
    b.truth.hand.pivot(b.clock.now());
    expect(b.procedure.startPivot()).toBeUndefined();
    for (let n = 0; n < 100; n += 1) b.frame();
    b.truth.cover('stylus', true);
    for (let n = 0; n < 150; n += 1) b.frame();
    expect(b.procedure.stopPivot()?.code).toBe('calibration/hidden');
    expect(b.procedure.startPivot()?.code).toBe('not-visible');
    expect(b.procedure.calibration.isRecording).toBe(false);
  });

  it('but not for a pose that is late at the start: that is left out', () => {
    const b = connected();
    b.said.set('stylus', 'unknown');
    b.frame();
    b.said.delete('stylus');
    b.pivot();
    expect(b.procedure.acceptCalibration()).toBeUndefined();
    expect(b.procedure.calibration.poses.seen).toBeGreaterThan(100);
  });

  it('when it has hardly begun, and when there is none', () => {
    const b = connected();
    b.procedure.startPivot();
    b.frame();
    b.frame();
    expect(b.procedure.stopPivot()?.code).toBe('calibration/too-few-poses');
    expect(b.procedure.stopPivot()?.code).toBe('wrong-stage');
  });

  it('when the tip left the divot on the way', () => {
    const b = connected();
    const doneAt = b.truth.hand.pivot(b.clock.now());
    b.procedure.startPivot();
    b.until(() => b.clock.now() > doneAt - 2500);
    b.truth.moveTable([0, 6, 0]);
    b.until(() => !b.procedure.calibration.isRecording || b.clock.now() >= doneAt);
    if (b.procedure.calibration.isRecording) b.procedure.stopPivot();
    expect(b.procedure.acceptCalibration()?.code).toBe('calibration-failed');
    expect(b.procedure.stage).toBe('calibrate');
  });
});

describe('a stored calibration', () => {
  it('is not there to be taken where none was stored', () => {
    const b = connected({ storedStylus: undefined });
    expect(b.procedure.calibration.hasStored).toBe(false);
    expect(b.procedure.useStoredStylus()?.code).toBe('no-stored-calibration');
    expect(b.procedure.stage).toBe('calibrate');
  });

  it('ends a recording that was going on', () => {
    const b = connected();
    b.truth.hand.pivot(b.clock.now());
    b.procedure.startPivot();
    b.frame();
    b.procedure.useStoredStylus();
    expect(b.procedure.calibration.isRecording).toBe(false);
    b.frame();
    expect(b.procedure.stage).toBe('collect');
  });
});
