import { beforeAll, describe, expect, it } from 'vitest';
import { calibrateProbe, type ProbeCalibration } from './calibrate-probe.js';
import type { WireObservation } from './observations.js';
import { estimateSignalLag } from './temporal.js';
import { fcalRecording, haveFcalData, plusCalibration } from './test-support/fcal-data.js';
import { apartMm, IMAGE, PHANTOM, PROBE } from './test-support/wire-scenes.js';
import { validateProbe } from './validate-probe.js';

/** PLUS's fCal recordings and PLUS's own results on them: the recording for validation is never shown to a calibration. */
describe.runIf(haveFcalData)('the fCal 1.2 recordings', () => {
  let calibration: WireObservation[];
  let validation: WireObservation[];
  let atZero: ProbeCalibration<'probe', 'image'>;
  let withLag: ProbeCalibration<'probe', 'image'>;

  beforeAll(async () => {
    const [first, second] = [await fcalRecording('Calibration'), await fcalRecording('Validation')];
    expect([first.observations.length, first.images]).toEqual([188, 188]);
    expect([second.observations.length, second.images]).toEqual([94, 94]);
    calibration = first.observations;
    validation = second.observations;
    atZero = calibrateProbe(PROBE, IMAGE, PHANTOM, calibration, { lagMs: 0, folds: 0 });
    withLag = calibrateProbe(PROBE, IMAGE, PHANTOM, calibration);
  }, 600_000);

  it.each(['Calibration', 'Validation'] as const)("%s: every image's nine dots are where PLUS finds them", (part) => {
    const theirs = plusCalibration(part).dots;
    const off: number[] = [];
    (part === 'Calibration' ? calibration : validation).forEach(({ dots }, n) => {
      for (let w = 0; w < 9; w += 1) {
        // PLUS numbers wires from the right of these images.
        const own = 2 * (3 * Math.floor(w / 3) + 2 - (w % 3));
        const at = theirs[n] as Float64Array;
        off.push(
          Math.hypot((dots[own] as number) - (at[2 * w] as number), (dots[own + 1] as number) - (at[2 * w + 1] as number)),
        );
      }
    });
    off.sort((a, b) => a - b);
    expect(off[off.length >> 1]).toBeLessThan(0.01);
    expect(off.at(-1)).toBeLessThan(0.6);
  });

  it('the linear solution at a lag of zero is that of PLUS at the corners, within 0.2 mm', () => {
    expect(apartMm(atZero.linear.probeFromImage, plusCalibration('Calibration').probeFromImage)).toBeLessThan(0.2);
  });

  it('the error of PLUS at validation is what PLUS says it is', () => {
    const plus = plusCalibration('Calibration');
    const { probeFromImage } = plus;
    const own = validateProbe({ probeFromImage, lagMs: 0, labelling: withLag.labelling }, PHANTOM, validation);
    expect(Math.abs(own.meanMm - plus.validationMm.mean)).toBeLessThan(0.02);
    expect(Math.abs(own.sdMm - plus.validationMm.sd)).toBeLessThan(0.02);
  });

  it('with the lag estimated from the calibration alone, middle wires are 0.8 mm off at validation at most', () => {
    const { meanMm } = validateProbe(withLag, PHANTOM, validation);
    expect(meanMm).toBeLessThanOrEqual(0.8);
    expect(withLag.lagSdMs).toBeLessThan(20);
    expect(withLag.outcome).toBe('ok');
    expect(withLag.heldOut?.meanMm).toBeLessThanOrEqual(1);
    expect(withLag.residuals.filter((r) => !r.used).length).toBeLessThan(10);
  });

  it('the lag of dots against the tracker is the one that the calibration finds', () => {
    // How far along the first middle wire the image cuts it, against where the tracker has the probe along the wires.
    const share = (dots: Float64Array): number => {
      const from = (k: number): number =>
        Math.hypot((dots[k] as number) - (dots[4] as number), (dots[k + 1] as number) - (dots[5] as number));
      return from(2) / from(0);
    };
    const timesMs = calibration.map(({ timeMs }) => timeMs as number);
    const place = calibration.map(({ phantomFromProbe: m }) =>
      [0, 1, 2].reduce((y, c) => {
        const at = [withLag.probeFromImage[c], withLag.probeFromImage[4 + c], withLag.probeFromImage[12 + c]] as [
          number,
          number,
          number,
        ];
        return y + (m[4 * c + 1] as number) * (at[0] * 420 + at[1] * 227 + at[2]);
      }, m[13] as number),
    );
    const found = estimateSignalLag(
      { timesMs, values: calibration.map(({ dots }) => share(dots)) },
      { timesMs, values: place },
      { mostLagMs: 900 },
    );
    expect(found.explained).toBeGreaterThan(0.9);
    expect(Math.abs(found.lagMs - withLag.lagMs)).toBeLessThan(4 * Math.hypot(found.sdMs, withLag.lagSdMs));
  });
});
