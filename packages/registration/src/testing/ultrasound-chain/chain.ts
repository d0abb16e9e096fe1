import { invert, type Point, type PoseView, point, pointCovariance, type Transform, transform } from '@trocar/core';
import { identity4, invertRigid, Random, radiusQuantile, transformPoint } from '@trocar/core/math';
import { type BModeProbe, bModeProbe, simulatedBrain } from '@trocar/core/testing';
import { mirrorSweep, type Sweep } from '@trocar/core/ultrasound';
import type { Volume } from '@trocar/core/volume';
import type { ProbeCalibration } from '../../calibration/probe/calibrate-probe.js';
import { checkMirrored } from '../../intensity/ultrasound/check-mirrored.js';
import {
  registerToUltrasound,
  type UltrasoundRegistration,
  type UltrasoundRegistrationOptions,
} from '../../intensity/ultrasound/register-to-ultrasound.js';
import { verifyRegistration } from '../../verification/verify-registration.js';
import {
  type BathTruth,
  calibrate,
  calibratePointer,
  calibrationErrorMm,
  check,
  phantomErrorMm,
  pointerAt,
  recordWires,
  registerPhantom,
} from './bath.js';
import { type ChainFinding, ChainFindings, type ChainStage } from './findings.js';
import { imagingCovariance } from './imaging-covariance.js';
import { drawTargets, type KnownProbe, type PatientTruth, placeNow, reconstruct, recordSweep, sweepOf } from './operation.js';
import { MR, product, REFERENCE, Station, TIP } from './station.js';
import { type ChainOptions, drawWorld, startOff } from './world.js';

/** The tip at one target. */
export interface NavigatedTarget {
  readonly errorMm: number;
  /** What the chain expects of it: root mean square, and what 95 % of errors are below. */
  readonly expectedMm: number;
  readonly boundMm: number;
}

/** What became of one operation. */
export interface ChainRun {
  readonly seed: number;
  /** `refused` with any finding: nobody would navigate by it. */
  readonly outcome: 'ok' | 'refused';
  readonly findings: readonly ChainFinding[];
  /** Empty where a stage ended in an error. */
  readonly inside: readonly NavigatedTarget[];
  readonly outside: readonly NavigatedTarget[];
  /** Confidence of the registration; NaN without one. */
  readonly confidence: number;
  /** Errors of the stages by themselves, against the truth. */
  readonly errors: Readonly<
    Partial<Record<'pivotMm' | 'phantomMm' | 'calibrationMm' | 'lagMs' | 'registrationMm' | 'speed', number>>
  >;
  /** Processor time of the stages, ms. */
  readonly times: ReadonlyMap<ChainStage | 'pictures' | 'world', number>;
}

/** The landmarks that are touched after registration, and how well: pointing, and marking them in the MR, mm along each axis. */
const TOUCHED = 6;
const POINTING_MM = 0.3;
const MARKING_MM = 0.4;
/** What the verification is to show of the rms error at such places, mm. */
const LIMIT_MM = 3;
/**
 * One operation from the workshop to the needle: pointer calibrated, phantom touched, probe calibrated and checked, brain swept, sweep
 * reconstructed, MR registered, landmarks touched, tip navigated. Every estimate is the product's own, made from simulated pictures and
 * poses; the truth is used to simulate and to score, and nowhere between.
 */
export async function runUltrasoundChain(seed: number, options: ChainOptions = {}): Promise<ChainRun> {
  const run = new Run(seed, options);
  try {
    await run.go();
  } catch (error) {
    run.findings.addError(run.stage, error);
  }
  return run.result();
}

class Run {
  readonly findings = new ChainFindings();
  stage: ChainStage = 'pivot';
  readonly #seed: number;
  readonly #options: ChainOptions;
  readonly #random: Random;
  readonly #station: Station;
  readonly #probe: BModeProbe;
  readonly #bath: BathTruth;
  readonly #patient: PatientTruth;
  readonly #errors: Record<string, number> = {};
  readonly #times = new Map<ChainStage | 'pictures' | 'world', number>();
  #since = 0;
  #inside: readonly NavigatedTarget[] = [];
  #outside: readonly NavigatedTarget[] = [];
  #confidence = Number.NaN;
  #moving: readonly Volume<'mr'>[] = [];
  #initial: Transform<'reference', 'mr'> | undefined;

  constructor(seed: number, options: ChainOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#since = options.clock?.() ?? 0;
    const random = new Random(1000 + seed);
    this.#random = random;
    this.#station = new Station(random);
    this.#probe = bModeProbe({ seed });
    ({ bath: this.#bath, patient: this.#patient } = drawWorld(random, seed, options));
    this.#errors['speed'] = this.#patient.speed - 1;
    this.#lap('world');
  }

  result(): ChainRun {
    return {
      seed: this.#seed,
      outcome: this.findings.list.length === 0 && this.#inside.length > 0 ? 'ok' : 'refused',
      findings: this.findings.list,
      inside: this.#inside,
      outside: this.#outside,
      confidence: this.#confidence,
      errors: this.#errors,
      times: this.#times,
    };
  }

  #lap(stage: ChainStage | 'pictures' | 'world'): void {
    const now = this.#options.clock?.() ?? 0;
    this.#times.set(stage, (this.#times.get(stage) ?? 0) + now - this.#since);
    this.#since = now;
  }

  async go(): Promise<void> {
    this.#errors['pivotMm'] = calibratePointer(this.#station, this.#bath, this.findings);
    this.#lap('pivot');
    const { found, sector, phantomRmsMm } = this.#calibrated();
    this.stage = 'sweep';
    const { sweepPictures = 60, fault } = this.#options;
    const how = { pictures: sweepPictures, fault, seed: this.#seed };
    const pictures = recordSweep(this.#station, this.#probe, this.#patient, this.#random, how);
    this.#lap('pictures');
    const known: KnownProbe = { probeFromImage: found.probeFromImage, lagMs: found.lagMs, sector };
    const sweep = sweepOf(this.#station, pictures, this.#probe, known, this.findings);
    this.#lap('sweep');
    if (this.#options.early === true) return;
    this.stage = 'reconstruction';
    const { volume: us } = await reconstruct(sweep, this.#probe);
    this.#lap('reconstruction');
    this.stage = 'registration';
    const middle = Float64Array.from(sweep.frames[sweep.frames.length >> 1]?.frameFromImage ?? []);
    const apex = point(REFERENCE, transformPoint(new Float64Array(3), middle, [...this.#probe.sector.apex, 0]));
    const registration = await this.#registered(us, apex);
    if (registration.outcome !== 'ok') await this.#findMirrored(sweep, apex);
    this.#lap('registration');
    const imaging = imagingCovariance(found, this.#probe, middle, phantomRmsMm);
    const own = invert(registration.usFromMoving);
    const mrFromReference = this.#withImaging(registration.usFromMoving, imaging);
    this.stage = 'verification';
    this.#verify(own.matrix, mrFromReference);
    this.#lap('verification');
    this.stage = 'navigation';
    this.#station.graph.set(mrFromReference);
    const targets = drawTargets(this.#random, pictures, this.#probe, this.#patient);
    this.#inside = targets.inside.map((p) => this.#navigated(p));
    this.#outside = targets.outside.map((p) => this.#navigated(p));
    this.#lap('navigation');
  }

  #calibrated(): { found: ProbeCalibration<'probe', 'image'>; sector: Uint8Array; phantomRmsMm: number } {
    const [station, bath, random] = [this.#station, this.#bath, this.#random];
    this.stage = 'phantom';
    const phantom = registerPhantom(station, bath, random, this.findings);
    this.#errors['phantomMm'] = phantomErrorMm(phantom, bath);
    const place = point(REFERENCE, transformPoint(new Float64Array(3), phantom.edge.matrix, [35, 20, 5]));
    this.#lap('phantom');
    this.stage = 'calibration';
    const how = { images: this.#options.wirePictures ?? 80, referenceFromPhantom: phantom.edge.matrix };
    const recording = recordWires(station, this.#probe, bath, random, { ...how, probeFromPlane: bath.calibratedFromPlane });
    const found = calibrate(recording, this.#probe, bath, this.findings);
    this.#errors['calibrationMm'] = calibrationErrorMm(found, this.#probe, bath.probeFromPlane);
    this.#errors['lagMs'] = found.lagMs + bath.latencyMs;
    this.#lap('calibration');
    this.stage = 'check';
    const fresh = recordWires(station, this.#probe, bath, random, { ...how, images: 24, probeFromPlane: bath.probeFromPlane });
    check(found, fresh, bath, this.findings);
    this.#lap('check');
    return { found, sector: recording.sector, phantomRmsMm: phantom.expectedTre(place).rmsMm };
  }

  async #registered(us: Volume<'reference'>, apex: Point<'reference'>): Promise<UltrasoundRegistration<'reference', 'mr'>> {
    const { brain, mrFromBody, referenceFromBody } = this.#patient;
    const scanned = this.#options.fault === 'another-patient' ? simulatedBrain(this.#seed + 500) : brain;
    this.#moving = (['t1', 'flair'] as const).map((contrast) => scanned.mr(MR, contrast, mrFromBody));
    const truly = product(referenceFromBody, invertRigid(identity4(), mrFromBody));
    const middle = transformPoint(new Float64Array(3), referenceFromBody, [0, 0, -8]);
    this.#initial = transform(REFERENCE, MR, product(startOff(this.#random, middle), truly));
    this.#lap('world');
    const found = await registerToUltrasound(us, this.#moving, this.#how(apex));
    this.findings.addAll('registration', found.findings);
    this.#confidence = found.confidence;
    return found;
  }

  #how(apex: Point<'reference'>): UltrasoundRegistrationOptions<'reference', 'mr'> {
    return { ...(this.#initial && { initial: this.#initial }), probe: apex, seed: this.#seed };
  }

  /** What does not register may do so with the sides of its pictures exchanged: then somebody has exchanged them. */
  async #findMirrored(sweep: Sweep<'reference'>, apex: Point<'reference'>): Promise<void> {
    const { volume } = await reconstruct(mirrorSweep(sweep), this.#probe);
    this.findings.addAll('registration', await checkMirrored(volume, this.#moving, this.#how(apex)));
  }

  /** MR from reference, with what calibration and speed of sound add to the registration's own errors. */
  #withImaging(edge: Transform<'reference', 'mr'>, imaging: Float64Array): Transform<'mr', 'reference'> {
    const covariance = edge.covariance && Float64Array.from(edge.covariance, (x, n) => x + (imaging[n] as number));
    return invert(transform(REFERENCE, MR, edge.matrix, { ...(covariance && { covariance }) }));
  }

  /** Landmarks of the brain's surface that can be seen and touched. */
  #verify(matrix: ArrayLike<number>, edge: Transform<'mr', 'reference'>): void {
    const { brain, mrFromBody, referenceFromBody } = this.#patient;
    const landmarks = [];
    for (let tries = 0; tries < 50_000 && landmarks.length < TOUCHED; tries += 1) {
      const p = [this.#random.between(-18, 18), this.#random.between(-18, 18), this.#random.between(15, 22)];
      const [x, y, z] = p as [number, number, number];
      const depth = -brain.surface(x, y, z);
      if (depth < 0 || depth > 2 || !brain.isLandmark(x, y, z)) continue;
      const off = (sd: number): number[] => p.map((c) => c + sd * this.#random.normal());
      const known = point(MR, transformPoint(new Float64Array(3), mrFromBody, off(MARKING_MM)));
      const touched = transformPoint(new Float64Array(3), referenceFromBody, placeNow(this.#patient, off(POINTING_MM)));
      const measured = point(REFERENCE, this.#station.touch(pointerAt(touched, this.#lean(), this.#bath.tipInPointer)));
      landmarks.push({ known, measured });
    }
    const fleMm = Math.sqrt(3 * (POINTING_MM ** 2 + MARKING_MM ** 2));
    const { findings } = verifyRegistration(edge, landmarks, { limitMm: LIMIT_MM, fleMm });
    // That few landmarks prove little is no fault.
    this.findings.addAll(
      'verification',
      findings.filter(({ code }) => code !== 'unproven'),
    );
    const truly = product(mrFromBody, invertRigid(identity4(), referenceFromBody));
    const place = transformPoint(new Float64Array(3), referenceFromBody, [0, 0, -8]);
    const [a, b] = [matrix, truly].map((m) => transformPoint(new Float64Array(3), m, place)) as [Float64Array, Float64Array];
    this.#errors['registrationMm'] = Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number)));
  }

  #lean(): number[] {
    return [0, 1, 2].map(() => this.#random.between(-0.4, 0.4));
  }

  /** The tip is brought to a place, and the graph is asked where that is in the MR. */
  #navigated(place: Float64Array): NavigatedTarget {
    const truly = transformPoint(new Float64Array(3), this.#patient.referenceFromBody, placeNow(this.#patient, place));
    const pose = pointerAt(truly, this.#lean(), this.#bath.tipInPointer);
    const start = this.#station.nowMs;
    this.#station.move('pointer', 100, () => pose);
    const view: PoseView = this.#station.at(start + 75, MR, TIP);
    const wanted = transformPoint(new Float64Array(3), this.#patient.mrFromBody, place);
    const shown = [12, 13, 14].map((n) => view.matrix[n] as number);
    const covariance = pointCovariance(new Float64Array(9), view.covariance, shown);
    return {
      errorMm: Math.hypot(...shown.map((x, r) => x - (wanted[r] as number))),
      expectedMm: Math.sqrt((covariance[0] as number) + (covariance[4] as number) + (covariance[8] as number)),
      boundMm: radiusQuantile(covariance, 0.95, view.degreesOfFreedom),
    };
  }
}
