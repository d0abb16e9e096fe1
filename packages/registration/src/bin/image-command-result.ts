import type { AffineTransform, Transform } from '@trocar/core';
import type { ElastixDeformation } from '../itk/index.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import type { ImageMetric, ImageTransform } from './image-command-choice.js';
import type { Note } from './report.js';

/** What was asked for, beside the images. */
export interface ImageWanted {
  readonly transform: ImageTransform;
  /** Where to start: fixed from moving. */
  readonly start: Transform<'fixed', 'moving'> | undefined;
  readonly searchMm: number | undefined;
  readonly searchDeg: number | undefined;
  readonly seed: number | undefined;
  readonly threads: number;
}

/** What every method gives. */
export interface ImageResult {
  readonly outcome: ResultOutcome;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Note[];
  readonly metric: ImageMetric;
  /** Fixed from moving; of a deformation its linear part. */
  readonly edge: AffineTransform<'fixed', 'moving'>;
  /** The same where it is rigid: with covariance, where the method knows one. */
  readonly rigid?: Transform<'fixed', 'moving'>;
  /** Fixed points to moving points. */
  readonly deformation?: ElastixDeformation<'moving', 'fixed'>;
  readonly confidence: number | null;
  readonly starts: number;
  readonly threads: number;
  /** What only this method knows. */
  readonly facts: Readonly<Record<string, unknown>>;
}
