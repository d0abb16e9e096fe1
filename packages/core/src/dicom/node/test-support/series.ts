import { dicomSlice, type SliceSpec, type Tags } from '../../../io/test-support/dicom-writer.js';

/** A synthetic CT series whose instances have UIDs of their own, so that an archive takes them. */
export interface SyntheticSeries {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopInstanceUids: readonly string[];
  readonly files: readonly Uint8Array[];
}

export interface SyntheticSpec {
  readonly count: number;
  /** Makes its UIDs its own: 2.25.<root>… */
  readonly root: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly tags?: Tags;
  readonly each?: (k: number) => SliceSpec;
}

/** Slice k lies 2 mm above slice k − 1 and its values differ from every other slice's. */
export function syntheticSeries(spec: SyntheticSpec): SyntheticSeries {
  const { count, root, rows = 16, columns = 24 } = spec;
  const [studyUid, seriesUid] = [`2.25.${root}.1`, `2.25.${root}.2`];
  const sopInstanceUids = Array.from({ length: count }, (_, k) => `2.25.${root}.3.${k + 1}`);
  const files = sopInstanceUids.map((uid, k) => {
    const own = spec.each?.(k) ?? {};
    return dicomSlice({
      rows,
      columns,
      position: [-20.5, 10.25, 2 * k - 7],
      pixels: Array.from({ length: rows * columns }, (_, n) => ((n * 31 + k * 997) % 3000) - 1000),
      ...own,
      tags: {
        '00080018': ['UI', uid],
        '00080020': ['DA', '20260102'],
        '00200010': ['CS', 'S1'],
        '0020000D': ['UI', studyUid],
        '0020000E': ['UI', seriesUid],
        '00200011': ['IS', '4'],
        '00200013': ['IS', String(k + 1)],
        '00200052': ['UI', `2.25.${root}.9`],
        ...spec.tags,
        ...own.tags,
      },
    });
  });
  // The writer names one instance in the meta information of every file: archives go by it.
  return {
    studyUid,
    seriesUid,
    sopInstanceUids,
    files: files.map((bytes, k) => withMetaUid(bytes, sopInstanceUids[k] as string)),
  };
}

/** The file with another Media Storage SOP Instance UID (0002,0003); lengths follow. */
function withMetaUid(bytes: Uint8Array, uid: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 144;
  while (view.getUint16(at, true) !== 2 || view.getUint16(at + 2, true) !== 3) {
    const long = String.fromCharCode(bytes[at + 4] as number, bytes[at + 5] as number) === 'OB';
    at += long ? 12 + view.getUint32(at + 8, true) : 8 + view.getUint16(at + 6, true);
  }
  const old = view.getUint16(at + 6, true);
  const value = new TextEncoder().encode(uid.length % 2 === 0 ? uid : `${uid}\0`);
  const out = new Uint8Array(bytes.length - old + value.length);
  out.set(bytes.subarray(0, at + 8));
  out.set(value, at + 8);
  out.set(bytes.subarray(at + 8 + old), at + 8 + value.length);
  const outView = new DataView(out.buffer);
  outView.setUint16(at + 6, value.length, true);
  outView.setUint32(140, view.getUint32(140, true) + value.length - old, true);
  return out;
}
