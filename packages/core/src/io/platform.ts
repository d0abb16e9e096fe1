import type { VolumeFile } from './source.js';

/** One ITK pipeline and the package that ships it. */
export interface PipelineCall {
  readonly package: '@itk-wasm/dicom' | '@itk-wasm/image-io';
  /** For example `read-image-dicom-file-series`. */
  readonly pipeline: string;
  readonly args: readonly string[];
  /** Files that the pipeline finds under their names. */
  readonly files: readonly VolumeFile[];
  /** Where among the outputs the image stands, and how many outputs there are. */
  readonly imageOutput: number;
  readonly outputCount: number;
}

/** An image as a pipeline hands it out: i fastest. The array is tight and our own. */
export interface PipelineImage {
  readonly size: readonly number[];
  readonly components: number;
  readonly componentType: string;
  readonly bytes: Uint8Array;
}

/**
 * What differs between Node and the browser. `#io/platform` (package.json `imports`) chooses the implementation, so
 * that a browser bundle never sees `node:*` and Node never sees a Worker.
 */
export interface Platform {
  /**
   * The files at a path: all files below a folder, named relative to it, or the one file.
   * @throws NavError `io/not-found`
   */
  readPath(path: string, signal: AbortSignal | undefined): Promise<readonly VolumeFile[]>;
  /**
   * The one file at a path; a folder or a device is none.
   * @throws NavError `io/not-found`
   */
  readFile(path: string): Promise<VolumeFile>;
  /** A file beside `path`, or undefined where there is none. */
  readSibling(path: string, name: string): Promise<VolumeFile | undefined>;
  /** @throws NavError `io/not-writable` */
  writePath(path: string, bytes: Uint8Array): Promise<void>;
  /** @throws NavError `assets/not-configured` where a decoder could not be loaded from a local place */
  requireAssets(): void;
  /**
   * Runs a pipeline off the main thread where the platform can.
   * @throws NavError `io/corrupt`, `io/aborted`, `assets/not-configured`, `assets/missing`
   */
  run(call: PipelineCall, signal: AbortSignal | undefined): Promise<PipelineImage>;
}
