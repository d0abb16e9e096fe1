import { invert, invertAffine, type Transform } from '@trocar/core';
import type { VolumeRegistration } from '../intensity/index.js';
import { registerToUltrasound, registerVolumes, type UltrasoundRegistration } from '../intensity/index.js';
import type { MotionKind } from '../intensity/motion.js';
import { type ImageRegistrationReport, registerImages } from '../itk/index.js';
import type { ImageTransform, MetricChoice } from './image-command-choice.js';
import { type ImageInputs, masked } from './image-command-input.js';
import type { ImageResult, ImageWanted } from './image-command-result.js';
import type { Watch } from './image-command-watch.js';

/** Registers by the chosen metric; a deformation begins at the rigid result of it. */
export function register(choice: MetricChoice, inputs: ImageInputs, wanted: ImageWanted, watch: Watch): Promise<ImageResult> {
  const { metric } = choice;
  if (metric === 'elastix') return byElastix(inputs, wanted, watch);
  if (wanted.transform === 'bspline') return deformed(choice, inputs, wanted, watch);
  if (metric === 'lc2' || metric === 'mind') return toUltrasound(choice, metric, inputs, wanted, watch);
  return byInformation(metric === 'nmi' ? 'nmi' : 'mi', wanted.transform, inputs, wanted, watch);
}

/** By LC2, which explains ultrasound and other images alike; by MIND where that is asked for. */
async function deformed(choice: MetricChoice, inputs: ImageInputs, wanted: ImageWanted, watch: Watch): Promise<ImageResult> {
  const rigid =
    choice.ultrasound === undefined
      ? await byInformation(choice.metric === 'nmi' ? 'nmi' : 'mi', 'rigid', inputs, wanted, watch)
      : await toUltrasound(choice, 'lc2', inputs, wanted, watch);
  const { deformedFrom } = await import('./image-command-deform.js');
  return deformedFrom(rigid, choice.metric === 'mind' ? 'mind' : 'lc2', inputs, watch);
}

const given = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;

async function byInformation(
  metric: 'mi' | 'nmi',
  kind: MotionKind,
  { fixed, moving: [first], fixedMask, movingMask }: ImageInputs,
  { start, searchMm, searchDeg, seed, threads }: ImageWanted,
  { signal, progress }: Watch,
): Promise<ImageResult> {
  const moving = (first as ImageInputs['moving'][0]).straight;
  const found: VolumeRegistration<MotionKind, 'fixed', 'moving'> = await registerVolumes(fixed.straight, moving, {
    metric,
    threads,
    signal,
    transform: kind,
    progress,
    ...given({ seed, fixedMask, movingMask, initial: start && invert(start), searchMm, searchDeg }),
  });
  return {
    ...judged(found),
    metric,
    edge: found.fixedFromMoving,
    ...(found.kind === 'rigid' && { rigid: found.fixedFromMoving }),
    confidence: found.confidence,
    starts: found.starts,
    threads,
    facts: { evidence: found.evidence },
  };
}

/** That voxels were averaged is nothing to look at before the result is used. */
function judged({
  outcome,
  findings,
}: Pick<ImageResult, 'outcome' | 'findings'>): Pick<ImageResult, 'outcome' | 'findings' | 'warnings'> {
  return {
    outcome,
    findings: findings.filter(({ code }) => code !== 'reduced'),
    warnings: findings.filter(({ code }) => code === 'reduced').map(({ code, message }) => ({ code, message })),
  };
}

async function toUltrasound(
  { ultrasound }: MetricChoice,
  metric: 'lc2' | 'mind',
  inputs: ImageInputs,
  { start, searchMm, searchDeg, seed, threads }: ImageWanted,
  { signal, progress }: Watch,
): Promise<ImageResult> {
  const fixed = masked(inputs.fixed.straight, inputs.fixedMask);
  const moving = inputs.moving.map(({ straight }) => masked(straight, inputs.movingMask));
  const watching = { signal, progress: (f: number) => progress(f, 'searching') };
  const options = { ...watching, metric, threads, ...given({ searchMm, searchDeg, seed }) };
  if (ultrasound !== 'moving') {
    const found = await registerToUltrasound(fixed, moving, { ...options, ...given({ initial: start }) });
    return ofUltrasound(found, found.usFromMoving, threads);
  }
  const [us] = moving as [(typeof moving)[0]];
  const found = await registerToUltrasound(us, [fixed], { ...options, ...given({ initial: start && invert(start) }) });
  return ofUltrasound(found, invert(found.usFromMoving), threads);
}

function ofUltrasound(
  found: Pick<UltrasoundRegistration<string, string>, 'outcome' | 'findings' | 'confidence' | 'evidence'>,
  edge: Transform<'fixed', 'moving'>,
  threads: number,
): ImageResult {
  return {
    ...judged(found),
    metric: found.evidence.metric,
    edge,
    rigid: edge,
    confidence: found.confidence,
    starts: found.evidence.starts,
    threads,
    facts: { evidence: found.evidence },
  };
}

async function byElastix(
  { fixed, moving: [moving] }: ImageInputs,
  { transform, start }: Pick<ImageWanted, 'transform' | 'start'>,
  { signal, progress }: Watch,
): Promise<ImageResult> {
  const kind = transform as Exclude<ImageTransform, 'similarity'>;
  const found = await registerImages(fixed.straight, (moving as NonNullable<typeof moving>).straight, {
    kind,
    signal,
    progress,
    ...given({ initial: start && invert(start) }),
  });
  const common = { ...judged(found), metric: 'elastix' as const, confidence: null, starts: 1, threads: 0 };
  if (found.kind !== 'bspline')
    return {
      ...common,
      edge: found.fixedFromMoving,
      ...(found.kind === 'rigid' && { rigid: found.fixedFromMoving }),
      facts: agreements(found),
    };
  const edge = invertAffine(found.linearMovingFromFixed);
  const facts = { ...agreements(found), linear: found.linear, shape: found.shape };
  // A deformation that its own checks do not hold is not handed on: its linear part is what is left.
  return { ...common, edge, ...(found.outcome === 'ok' && { deformation: found.deformation }), facts };
}

function agreements({ before, after }: ImageRegistrationReport): Record<string, unknown> {
  return { before, after };
}
