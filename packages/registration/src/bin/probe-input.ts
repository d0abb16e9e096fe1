import { NavError } from '@trocar/core';
import type { UltrasoundSetup } from '@trocar/core/recording';
import { type Dot, type DotOptions, detectDots } from '../calibration/probe/dots.js';
import { findWires, type WireOptions } from '../calibration/probe/find-wires.js';
import type { TimedProbePose, WireObservation } from '../calibration/probe/observations.js';
import type { NWirePhantom } from '../calibration/probe/phantom.js';
import type { Finding } from '../outcome.js';
import type { Note } from './report.js';
import { eachImage, framesInTime, posesBetween, recordedSequenceOf } from './ultrasound-input.js';

/** How dots and wires are looked for. */
export type WireLook = DotOptions & WireOptions;

/** Fewer candidates than this lose dots beside bright walls, which PLUS would have merged. */
const LEAST_CANDIDATES = 30;
/** And where there are many wires, artefacts as strong as they are must not push them out. */
const CANDIDATES_A_WIRE = 3;

/**
 * How the set-up says that dots are looked for.
 * @param wires of the phantom
 * @throws NavError `setup/missing` where nobody says how large a pixel is
 */
export function lookOf(setup: UltrasoundSetup, pixelMm: number | undefined, wires: number): WireLook {
  const said = setup.segmentation;
  const size = pixelMm ?? said?.pixelMm;
  if (size === undefined) {
    throw new NavError(
      'setup/missing',
      `${setup.name} does not say about how large a pixel is: it has no Segmentation. Say it with --pixel-mm.`,
    );
  }
  const { discMm, threshold, lengthError, offLineMm, tiltDeg, parallelDeg, clip, mostDots = LEAST_CANDIDATES } = said ?? {};
  return {
    pixelMm: size,
    most: Math.max(LEAST_CANDIDATES, CANDIDATES_A_WIRE * wires, mostDots),
    ...(clip !== undefined && { clip }),
    ...(discMm !== undefined && { discMm }),
    ...(threshold !== undefined && { threshold }),
    ...(lengthError !== undefined && { lengthError }),
    ...(offLineMm !== undefined && { offLineMm }),
    ...(tiltDeg !== undefined && { tiltDeg }),
    ...(parallelDeg !== undefined && { parallelDeg }),
  };
}

/** Images of a phantom: their dots and poses. */
export interface WireRecording {
  readonly name: string;
  readonly size: readonly [number, number];
  readonly images: number;
  readonly observations: readonly WireObservation[];
  /** The number in the recording of each observation. */
  readonly numbers: readonly number[];
  readonly poses: readonly TimedProbePose[];
  readonly withoutPose: readonly number[];
  /** Numbers of images with a pose that do not show all wires. */
  readonly withoutWires: readonly number[];
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
}

/**
 * Dots and poses of a recorded phantom.
 * @throws NavError `sequence/…`, `calibration/hidden`, `calibration/too-few-poses` where no image shows the wires, saying whether they would be there
 *   were pixels of another size
 */
export async function wireRecordingOf(
  path: string,
  setup: UltrasoundSetup,
  phantom: NWirePhantom,
  look: WireLook,
): Promise<WireRecording> {
  const recorded = await recordedSequenceOf(path);
  const inTime = framesInTime(recorded);
  const { probe, phantom: phantomFrame } = setup.frames;
  const { poses, withoutPose, notes: poseNotes } = posesBetween(probe, phantomFrame, recorded, inTime, setup);
  const poseOf = new Map(poses.map((pose) => [pose.index, pose]));
  const observations: WireObservation[] = [];
  const numbers: number[] = [];
  const without: { readonly index: number; readonly dots: readonly Dot[] }[] = [];
  let size: readonly [number, number] = [0, 0];
  const imageNotes = await eachImage(recorded, (pixels, index, extent) => {
    size = extent;
    const pose = poseOf.get(index);
    if (pose === undefined) return;
    const dots = detectDots(pixels, extent, look);
    const wires = findWires(dots, phantom, look);
    if (wires === undefined) {
      without.push({ index, dots });
      return;
    }
    observations.push({ dots: wires, spots: dots, phantomFromProbe: pose.matrix, timeMs: pose.timeMs });
    numbers.push(index);
  });
  const findings = missingWires(recorded.name, phantom, look, without, observations.length);
  return {
    name: recorded.name,
    size,
    images: recorded.sequence.frames.length,
    observations,
    numbers,
    poses: poses.map(({ matrix, timeMs }) => ({ phantomFromProbe: matrix, timeMs })),
    withoutPose,
    withoutWires: without.map(({ index }) => index),
    findings,
    notes: [...inTime.notes, ...poseNotes, ...imageNotes, ...wireNotes(recorded.name, without.length, observations.length)],
  };
}

function wireNotes(name: string, without: number, found: number): Note[] {
  if (without === 0) return [];
  const message = `${name}: ${without} of ${without + found} images with a pose do not show all wires and were left out.`;
  return [{ code: 'without-wires', message }];
}

/** Pixels that might have been meant, against those that were said. */
const OTHER_SIZES = [0.5, 0.56, 0.63, 0.71, 0.8, 1.25, 1.4, 1.6, 1.8, 2, 2.25, 2.5];
/** Images that are looked at again, at most about: each costs as much as it did at first, for every size. */
const MOST_AGAIN = 16;
/** So many images without wires that would be there at another size of pixels are no chance. */
const LEAST_RUN = 8;

/** Whether wires are missing because pixels are of another size than was said, everywhere or from some image on. */
function missingWires(
  name: string,
  phantom: NWirePhantom,
  look: WireLook,
  without: readonly { readonly index: number; readonly dots: readonly Dot[] }[],
  found: number,
): Finding[] {
  const some = without.filter((_, n) => n % Math.ceil(without.length / MOST_AGAIN) === 0);
  const counts = OTHER_SIZES.map((factor) => {
    const other = { ...look, pixelMm: factor * look.pixelMm };
    return some.filter(({ dots }) => findWires(dots, phantom, other) !== undefined);
  });
  const most = counts.reduce((best, list) => (list.length > best.length ? list : best), []);
  const factor = OTHER_SIZES[counts.indexOf(most)] as number;
  const meant = `${(factor * look.pixelMm).toFixed(3)} mm`;
  if (found === 0) {
    const hint =
      most.length >= LEAST_RUN
        ? ` ${most.length} of ${some.length} that were looked at again would if a pixel were about ${meant} large.`
        : ' Check the wiring, the clip and the size of a pixel.';
    const message = `${name}: none of its ${without.length} images with a pose shows the wires of ${phantom.name} (a pixel taken as ${look.pixelMm} mm).${hint}`;
    throw new NavError('calibration/too-few-poses', message, { detail: { images: without.length, pixelMm: look.pixelMm } });
  }
  if (most.length < LEAST_RUN || most.length < 0.5 * some.length) return [];
  const message = `${name}: ${most.length} of ${some.length} images that were looked at again, the first of them number ${most[0]?.index}, show the wires only if a pixel is about ${meant} large: the depth setting was changed.`;
  return [{ code: 'depth-changed', message, index: most[0]?.index ?? 0 }];
}
