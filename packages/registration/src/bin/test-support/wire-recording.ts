import { makeTrackedSequence, type SequenceField, writeTrackedSequence } from '@trocar/core/recording';
import type { WireObservation } from '../../calibration/probe/observations.js';
import type { NWirePhantom } from '../../calibration/probe/phantom.js';

/** Images of half the size of wireScene()'s. */
export const HALF = [410, 308] as const;

/** How a made-up recording of a phantom is spoilt. */
export interface WireRecordingOptions {
  /** Where dots are drawn, pixels of {@link HALF}: default half of the scene's. */
  readonly place?: (column: number, row: number, image: number) => readonly [number, number];
  readonly status?: (image: number) => string;
  readonly timeMs?: (timeMs: number, image: number) => number;
  readonly orientation?: string;
}

/** A tracked sequence that shows dots where a scene has them: the probe's pose is told in the tracker, which is the phantom's frame. */
export async function wireRecording(
  observations: readonly WireObservation[],
  { place = (u, v) => [u, v], status = () => 'OK', timeMs = (t) => t, orientation = 'MF' }: WireRecordingOptions = {},
): Promise<Uint8Array> {
  const bytes = observations.map(({ dots }, n) => picture(dots, (u, v) => place(u, v, n)));
  const frames = observations.map((o, n): SequenceField[] => [
    { key: 'ProbeToTrackerTransform', value: rows(o.phantomFromProbe) },
    { key: 'ProbeToTrackerTransformStatus', value: status(n) },
    { key: 'ReferenceToTrackerTransform', value: '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1' },
    { key: 'ReferenceToTrackerTransformStatus', value: 'OK' },
    { key: 'Timestamp', value: String(timeMs(o.timeMs as number, n) / 1000) },
    { key: 'ImageStatus', value: 'OK' },
  ]);
  return writeTrackedSequence(
    await makeTrackedSequence({ frames, images: { size: HALF, elementType: 'MET_UCHAR', orientation, bytes } }),
  );
}

const rows = (m: ArrayLike<number>): string => Array.from({ length: 16 }, (_, n) => m[4 * (n % 4) + (n >> 2)]).join(' ');

/** Soft dots on black. */
function picture(dots: ArrayLike<number>, place: (u: number, v: number) => readonly [number, number]): Uint8Array {
  const [columns, lines] = HALF;
  const pixels = new Uint8Array(columns * lines);
  for (let k = 0; k < dots.length; k += 2) {
    const [u, v] = place((dots[k] as number) / 2, (dots[k + 1] as number) / 2);
    for (let row = Math.max(0, Math.ceil(v - 7)); row <= Math.min(lines - 1, v + 7); row += 1) {
      for (let column = Math.max(0, Math.ceil(u - 7)); column <= Math.min(columns - 1, u + 7); column += 1) {
        const bright = 220 * Math.exp(-((column - u) ** 2 + (row - v) ** 2) / (2 * 2.2 ** 2));
        const at = row * columns + column;
        pixels[at] = Math.min(255, (pixels[at] as number) + bright);
      }
    }
  }
  return pixels;
}

/** A device set with a phantom, and what else is given. */
export function deviceSet(phantom: NWirePhantom, more = ''): string {
  const patterns = phantom.patterns.map((pattern) => {
    const wires = pattern.map(
      (w) => `<Wire Name="${w.name}" EndPointFront="${w.front.join(' ')}" EndPointBack="${w.back.join(' ')}"/>`,
    );
    return `<Pattern Type="NWire">${wires.join('')}</Pattern>`;
  });
  return `<PlusConfiguration>
  <CoordinateDefinitions><Transform From="Phantom" To="Reference" Matrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"/></CoordinateDefinitions>
  <Segmentation ApproximateSpacingMmPerPixel="0.16" MaxLinePairDistanceErrorPercent="20"/>
  <PhantomDefinition><Description Name="${phantom.name}"/><Geometry>${patterns.join('')}</Geometry></PhantomDefinition>${more}
</PlusConfiguration>`;
}
