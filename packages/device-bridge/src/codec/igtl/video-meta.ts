import type { ContentReader } from './reader.js';
import { putMatrix, takeMatrix } from './transform.js';
import type { IgtlStorage } from './writer.js';

const ELEMENT = 322;

/** What a sender says of one video that can be asked for. */
export interface VideoMeta {
  readonly name: string;
  readonly device: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly zoomLevel: number;
  readonly focalLength: number;
  readonly size: readonly [number, number, number];
  /** 16 doubles, column-major; axes and position as sent, with no flag of their coordinate system. */
  readonly matrix: Float64Array;
  readonly scalarType: number;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
}

/** VIDEOMETA (protocol 3): the videos that a sender has. VIDEO itself passes as raw bytes: its releases differ in layout. */
export interface VideoMetaContent {
  readonly kind: 'videoMeta';
  readonly videos: readonly VideoMeta[];
}

export function decodeVideoMeta(r: ContentReader): VideoMetaContent {
  const videos = Array.from({ length: r.elements(ELEMENT) }, () => {
    const video = {
      name: r.name(64),
      device: r.name(64),
      patientName: r.name(64),
      patientId: r.name(64),
      zoomLevel: r.i16(),
      focalLength: r.f64(),
      size: r.size3(),
      matrix: takeMatrix(r),
      scalarType: r.u8(),
    };
    return { ...video, ...r.reserved() };
  });
  return { kind: 'videoMeta', videos };
}

export function encodeVideoMeta(w: IgtlStorage, content: VideoMetaContent): void {
  for (const video of content.videos) {
    w.name(video.name, 64);
    w.name(video.device, 64);
    w.name(video.patientName, 64);
    w.name(video.patientId, 64);
    w.i16(video.zoomLevel);
    w.f64(video.focalLength);
    w.size3(video.size);
    putMatrix(w, video.matrix);
    w.u8(video.scalarType);
    w.u8(video.reserved ?? 0);
  }
}
