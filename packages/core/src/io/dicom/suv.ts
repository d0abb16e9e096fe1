import { NavError } from '../../base/index.js';
import type { VolumeWarning } from '../../volume/index.js';
import type { SuvKind } from '../source.js';
import { codeOf, type DataSet, itemOf, numbersOf, tagName } from './dataset.js';
import { type Slice, sliceName } from './slice.js';
import { dayTime, type Moment } from './suv-time.js';

/** Below this a dose in becquerel is taken for one written in another unit, Bq. */
const LEAST_DOSE_BQ = 1e5;
/** After so many half-lives nothing is left to see: one of the times is wrong. */
const MOST_HALF_LIVES = 20;

/** What a series says of its tracer and its patient; absent is absent. */
interface Facts {
  readonly units: string | undefined;
  readonly decay: string | undefined;
  readonly weightKg: number | undefined;
  readonly heightM: number | undefined;
  readonly sex: string | undefined;
  readonly doseBq: number | undefined;
  readonly halfLifeS: number | undefined;
}

/**
 * PET slices whose values are SUV: slope and intercept are multiplied, slice by slice, as QIBA's vendor-neutral reading of
 * PS3.3, C.8.9.1 has it: SUV = activity concentration · size of the body ÷ dose left at the time the images are corrected to.
 * @returns slices in g/ml (cm²/ml for body surface), and what the numbers rest on
 * @throws NavError `dicom/missing-suv` naming what is absent, contradictory or implausible
 */
export function suvSlices(slices: readonly Slice[], kind: SuvKind): { slices: Slice[]; warning: VolumeWarning } {
  const first = slices[0] as Slice;
  if (first.header.modality !== 'PT')
    throw missing(first, `it is no PET series but ${first.header.modality ?? 'of no modality'}`);
  const facts = factsOf(first);
  for (const s of slices) requireSame(first, s);
  const body = bodyOf(first, facts, kind);
  const { factors, told } = factorsOf(slices, facts, body);
  const unit = kind === 'body-surface' ? 'cm2/ml' : 'g/ml';
  return {
    slices: slices.map((s, n) => ({
      ...s,
      slope: s.slope * (factors[n] as number),
      intercept: s.intercept * (factors[n] as number),
      unit,
    })),
    warning: {
      code: 'suv',
      message: `The values are SUV by ${kind.replaceAll('-', ' ')} (${unit}), computed from ${facts.units}. ${told.note}`.trim(),
      detail: { kind, body, units: facts.units, decay: facts.decay, ...told.detail },
    },
  };
}

function tracerOf(dataset: DataSet): DataSet | undefined {
  return itemOf(dataset, 'x00540016');
}

function factsOf({ header }: Slice): Facts {
  const { dataset } = header.file;
  const one = (d: DataSet | undefined, tag: string): number | undefined => numbersOf(d, tag, 1)?.[0];
  return {
    units: codeOf(dataset, 'x00541001'),
    decay: codeOf(dataset, 'x00541102'),
    weightKg: one(dataset, 'x00101030'),
    heightM: one(dataset, 'x00101020'),
    sex: codeOf(dataset, 'x00100040'),
    doseBq: one(tracerOf(dataset), 'x00181074'),
    halfLifeS: one(tracerOf(dataset), 'x00181075'),
  };
}

/** What all slices must share: a series mixed from two scans has no one dose. */
function requireSame(a: Slice, b: Slice): void {
  const [one, other] = [a, b].map((s) => ({ ...factsOf(s), injected: injectionText(s.header.file.dataset) }));
  const different = Object.keys(one as object).find((key) => (one as never)[key] !== (other as never)[key]);
  if (different !== undefined) throw missing(b, `its ${different} is another than that of ${sliceName(a)}`);
}

function injectionText(dataset: DataSet): string {
  const tracer = tracerOf(dataset);
  return `${(tracer && codeOf(tracer, 'x00181078')) ?? ''}|${(tracer && codeOf(tracer, 'x00181072')) ?? ''}`;
}

function positive(slice: Slice, value: number | undefined, name: string, tag: string): number {
  if (value !== undefined && value > 0) return value;
  throw missing(slice, `${name} ${tagName(tag)} is ${value === undefined ? 'absent or unreadable' : value}`, tag);
}

/** Grams of body or lean mass, or cm² of surface. */
function bodyOf(slice: Slice, facts: Facts, kind: SuvKind): number {
  const kg = positive(slice, facts.weightKg, "Patient's Weight", 'x00101030');
  if (kind === 'body-weight') return 1000 * kg;
  const m = positive(slice, facts.heightM, "Patient's Size", 'x00101020');
  if (m > 3) throw missing(slice, `Patient's Size (0010,1020) is ${m}, which is no height in metres`, 'x00101020');
  if (kind === 'body-surface') return 1e4 * 0.007184 * kg ** 0.425 * (100 * m) ** 0.725;
  const male = facts.sex === 'M';
  if (!male && facts.sex !== 'F') throw missing(slice, `Patient's Sex (0010,0040) is neither M nor F`, 'x00100040');
  if (kind === 'lean-body-mass-james') {
    const ratio = (kg / (100 * m)) ** 2;
    return 1000 * (male ? 1.1 * kg - 128 * ratio : 1.07 * kg - 148 * ratio);
  }
  const bmi = kg / (m * m);
  return 1000 * (male ? (9270 * kg) / (6680 + 216 * bmi) : (9270 * kg) / (8780 + 244 * bmi));
}

interface Factors {
  /** SUV = value · factor, slice by slice. */
  readonly factors: readonly number[];
  readonly told: { readonly note: string; readonly detail: Readonly<Record<string, unknown>> };
}

function factorsOf(slices: readonly Slice[], facts: Facts, body: number): Factors {
  const first = slices[0] as Slice;
  if (facts.units === 'GML') return ofSuv(slices, facts, body);
  if (facts.units === 'BQML') return ofActivity(slices, facts, body);
  if (facts.units === 'CNTS') return ofCounts(slices, facts, body);
  throw missing(first, `Units (0054,1001) is ${facts.units ?? 'absent'}, where BQML, CNTS or GML can be converted`, 'x00541001');
}

/** Already SUV: by body weight unless SUV Type says otherwise. Another body only scales it. */
function ofSuv(slices: readonly Slice[], facts: Facts, body: number): Factors {
  const first = slices[0] as Slice;
  const type = codeOf(first.header.file.dataset, 'x00541006') ?? 'BW';
  const from: Readonly<Record<string, SuvKind>> = {
    BW: 'body-weight',
    BSA: 'body-surface',
    LBMJAMES128: 'lean-body-mass-james',
    LBMJANMA: 'lean-body-mass-janmahasatian',
  };
  const kind = from[type];
  if (kind === undefined)
    throw missing(first, `SUV Type (0054,1006) is ${type}, which does not say which formula it is`, 'x00541006');
  const factor = body / bodyOf(first, facts, kind);
  return { factors: slices.map(() => factor), told: { note: '', detail: { suvType: type } } };
}

/**
 * Philips's counts with its private factors: to SUV by body weight (7053,1000), else to Bq/ml (7053,1009). Both hold only
 * where the private block is Philips's.
 */
function ofCounts(slices: readonly Slice[], facts: Facts, body: number): Factors {
  const first = slices[0] as Slice;
  const factor = (slice: Slice, tag: string): number => {
    const { dataset } = slice.header.file;
    const philips = (codeOf(dataset, 'x70530010') ?? '').startsWith('Philips PET');
    const value = philips ? numbersOf(dataset, tag, 1)?.[0] : undefined;
    return value !== undefined && value > 0 ? value : Number.NaN;
  };
  const toSuv = slices.map((s) => factor(s, 'x70531000'));
  if (toSuv.every(Number.isFinite)) {
    const ratio = body / bodyOf(first, facts, 'body-weight');
    return { factors: toSuv.map((f) => f * ratio), told: { note: "By the scanner's own factor.", detail: { factor: toSuv[0] } } };
  }
  const toActivity = slices.map((s) => factor(s, 'x70531009'));
  if (!toActivity.every(Number.isFinite)) {
    throw missing(
      first,
      'Units are counts, and there is no Philips SUV factor (7053,1000) or activity factor (7053,1009)',
      'x70531000',
    );
  }
  const { factors, told } = ofActivity(slices, facts, body);
  return { factors: factors.map((f, n) => f * (toActivity[n] as number)), told };
}

function ofActivity(slices: readonly Slice[], facts: Facts, body: number): Factors {
  const first = slices[0] as Slice;
  const dose = positive(first, facts.doseBq, 'Radionuclide Total Dose', 'x00181074');
  if (dose < LEAST_DOSE_BQ) {
    throw missing(
      first,
      `Radionuclide Total Dose (0018,1074) is ${dose} Bq: too little to be seen. Was it written in MBq?`,
      'x00181074',
    );
  }
  requireAttenuation(first);
  if (facts.decay === 'ADMIN') {
    return {
      factors: slices.map(() => body / dose),
      told: { note: 'Decay is corrected to the administration.', detail: { doseBq: dose } },
    };
  }
  const halfLife = positive(first, facts.halfLifeS, 'Radionuclide Half Life', 'x00181075');
  const lambda = Math.LN2 / halfLife;
  if (facts.decay === 'START') return correctedToStart(slices, { body, dose, lambda });
  if (facts.decay === 'NONE') return uncorrected(slices, { body, dose, lambda });
  throw missing(first, `Decay Correction (0054,1102) is ${facts.decay ?? 'absent'}, none of START, ADMIN, NONE`, 'x00541102');
}

interface Dose {
  readonly body: number;
  readonly dose: number;
  readonly lambda: number;
}

function correctedToStart(slices: readonly Slice[], { body, dose, lambda }: Dose): Factors {
  const { start, note } = scanStart(slices);
  const { injected, assumed } = injectionBefore(slices[0] as Slice, start);
  const seconds = start.seconds - injected.seconds;
  requirePlausible(slices[0] as Slice, seconds, lambda);
  const left = dose * Math.exp(-lambda * seconds);
  return {
    factors: slices.map(() => body / left),
    told: {
      note: `${note}${assumed}`,
      detail: { doseBq: dose, halfLifeS: Math.LN2 / lambda, injectedAt: injected.text, correctedTo: start.text, delayS: seconds },
    },
  };
}

/**
 * Uncorrected frames hold the mean activity while they were acquired: A₀ · (1 − exp(−λT)) ÷ (λT), from the frame's own start.
 */
function uncorrected(slices: readonly Slice[], { body, dose, lambda }: Dose): Factors {
  const delays: number[] = [];
  let note = '';
  const factors = slices.map((slice) => {
    const { dataset } = slice.header.file;
    const ms = positive(slice, numbersOf(dataset, 'x00181242', 1)?.[0], 'Actual Frame Duration', 'x00181242');
    const start = acquisitionOf(slice);
    const { injected, assumed } = injectionBefore(slice, start);
    note = assumed;
    const seconds = start.seconds - injected.seconds;
    requirePlausible(slice, seconds, lambda);
    delays.push(seconds);
    const x = (lambda * ms) / 1000;
    return (body / dose) * Math.exp(lambda * seconds) * (x / -Math.expm1(-x));
  });
  return {
    factors,
    told: {
      note: `Each slice is corrected from its own acquisition.${note}`,
      detail: { doseBq: dose, delaysS: [Math.min(...delays), Math.max(...delays)] },
    },
  };
}

function requirePlausible(slice: Slice, seconds: number, lambda: number): void {
  if (seconds >= 0 && lambda * seconds <= MOST_HALF_LIVES * Math.LN2) return;
  throw missing(
    slice,
    `the tracer was given ${seconds.toFixed(0)} s before the scan, which cannot be: is a date or time wrong?`,
    'x00181078',
  );
}

function requireAttenuation(slice: Slice): void {
  const corrected = slice.header.file.dataset.string('x00280051');
  const terms = (corrected ?? '').split('\\').map((t) => t.trim());
  if (terms.includes('ATTN')) return;
  throw missing(
    slice,
    `Corrected Image (0028,0051) is ${corrected || 'absent'} and does not name ATTN: attenuation is not corrected`,
    'x00280051',
  );
}

function acquisitionOf(slice: Slice): Moment {
  const { dataset } = slice.header.file;
  const moment =
    dayTime(codeOf(dataset, 'x00080022'), codeOf(dataset, 'x00080032')) ?? dayTime(undefined, codeOf(dataset, 'x0008002a'));
  if (moment !== undefined) return moment;
  throw missing(slice, 'Acquisition Date (0008,0022) and Acquisition Time (0008,0032) are absent or unreadable', 'x00080032');
}

/**
 * When the scan began. Series Time where no slice was acquired before it; after that the series was made anew, and the
 * scanner's private time (GE) or the earliest acquisition stands for it.
 */
function scanStart(slices: readonly Slice[]): { start: Moment; note: string } {
  const { dataset } = (slices[0] as Slice).header.file;
  const acquired = slices.map(acquisitionOf);
  const earliest = acquired.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const series = dayTime(codeOf(dataset, 'x00080021'), codeOf(dataset, 'x00080031'));
  if (series !== undefined && series.seconds <= earliest.seconds) return { start: series, note: '' };
  const ge = codeOf(dataset, 'x00090010') === 'GEMS_PETD_01' ? dayTime(undefined, codeOf(dataset, 'x0009100d')) : undefined;
  if (ge !== undefined && ge.seconds <= earliest.seconds) {
    return { start: ge, note: "Series Time is later than the images: the scanner's private scan time is taken." };
  }
  const why = series === undefined ? 'Series Time is absent' : 'Series Time is later than the images';
  return { start: earliest, note: `${why}: the earliest acquisition is taken for the start of the scan.` };
}

/**
 * When the tracer was given. A time without a date is on the day of the scan, or the day before where it would be later than it.
 */
function injectionBefore(slice: Slice, scan: Moment): { injected: Moment; assumed: string } {
  const tracer = tracerOf(slice.header.file.dataset);
  const whole = tracer && dayTime(undefined, codeOf(tracer, 'x00181078'));
  if (whole !== undefined) return { injected: whole, assumed: '' };
  const time = tracer && codeOf(tracer, 'x00181072');
  const sameDay = dayTime(scan.text.slice(0, 8), time);
  if (sameDay === undefined) {
    throw missing(
      slice,
      'Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are absent or unreadable',
      'x00181078',
    );
  }
  if (sameDay.seconds <= scan.seconds) return { injected: sameDay, assumed: '' };
  const before = { seconds: sameDay.seconds - 86_400, text: `${sameDay.text} the day before` };
  return { injected: before, assumed: ' The tracer is taken to have been given on the day before the scan.' };
}

function missing(slice: Slice, what: string, tag?: string): NavError<'dicom/missing-suv'> {
  return new NavError('dicom/missing-suv', `${sliceName(slice)} has no SUV: ${what}.`, {
    detail: { file: slice.header.file.name, ...(tag !== undefined && { tag: tagName(tag) }) },
  });
}
