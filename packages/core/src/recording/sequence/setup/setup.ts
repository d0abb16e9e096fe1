/** A constant transform of a set-up: p_to = matrix · p_from. */
export interface SetupTransform {
  readonly from: string;
  readonly to: string;
  /** 16 doubles, column-major; mm, or pixels on the side of an image. */
  readonly matrix: Float64Array;
}

/** A straight wire of a phantom: both ends in the phantom's frame, mm. */
export interface SetupWire {
  readonly name: string;
  readonly front: readonly [number, number, number];
  readonly back: readonly [number, number, number];
}

/** A phantom of N-wires: three wires a pattern, the middle one between its sides. */
export interface SetupPhantom {
  readonly name: string;
  readonly patterns: ReadonlyArray<readonly [SetupWire, SetupWire, SetupWire]>;
}

/** Pixels of an image: columns origin[0] … and rows origin[1] …, so many of each. */
export interface SetupRectangle {
  readonly origin: readonly [number, number];
  readonly size: readonly [number, number];
}

/** The sector of a curved probe in an image, in pixels; angles from straight down, degrees. */
export interface SetupFan {
  readonly apex: readonly [number, number];
  readonly anglesDeg: readonly [number, number];
  readonly radii: readonly [number, number];
}

/** How dots of wires are looked for; what is undefined was not said. */
export interface SetupSegmentation {
  /** About how large a pixel is, mm. */
  readonly pixelMm: number;
  readonly clip?: SetupRectangle;
  readonly discMm?: number;
  /** Share of the range of grey values, 0 … 1. */
  readonly threshold?: number;
  /** Share by which a pattern may look longer or shorter. */
  readonly lengthError?: number;
  readonly offLineMm?: number;
  readonly tiltDeg?: number;
  readonly parallelDeg?: number;
  readonly mostDots?: number;
}

/** One way to fill a hole; several are tried one after another. */
export type SetupHoleFilling =
  | { readonly kind: 'stick'; readonly lengthLimit: number; readonly count: number }
  | {
      /** A cube's mean: by distance, by a Gaussian, by that times what was pasted, or of the nearest. */
      readonly kind: 'inverse-distance' | 'gaussian' | 'gaussian-accumulation' | 'nearest';
      /** Edge of the cube, in voxels. */
      readonly size: number;
      readonly minKnownRatio: number;
      /** In voxels; of the Gaussians. */
      readonly stdev?: number;
    }
  | { readonly kind: 'other'; readonly name: string };

/** How a sweep becomes a volume. */
export interface SetupReconstruction {
  /** The frames of the images and of the volume, where they are not those of {@link SetupFrames}. */
  readonly imageFrame?: string;
  readonly referenceFrame?: string;
  readonly spacingMm: readonly [number, number, number];
  readonly clip?: SetupRectangle;
  readonly fan?: SetupFan;
  /** The part of the fan that an image fills is looked for in each: from which grey level a pixel is lit, and over how many pixels to either side. */
  readonly fanDetection?: { readonly brightness: number; readonly filterRadiusPx: number };
  /** The third edge of a voxel is made a little larger, so that a whole number of them fills the box. */
  readonly recomputeSpacing?: true;
  readonly interpolation: 'nearest' | 'linear';
  readonly compounding: 'latest' | 'maximum' | 'mean' | 'importance';
  readonly optimization: 'full' | 'partial' | 'none';
  /** Every so many images one is taken. */
  readonly skipInterval: number;
  /** Darker pixels are left out. */
  readonly rejectBelow?: number;
  /** A PNG as large as an image: how much each pixel counts. Importance without one takes it from elsewhere. */
  readonly importanceFile?: string;
  readonly holeFilling: readonly SetupHoleFilling[];
}

/** What the frames are called. */
export interface SetupFrames {
  readonly image: string;
  readonly probe: string;
  readonly reference: string;
  readonly phantom: string;
}

/** Something about the set-up that a person should know. */
export interface SetupNote {
  readonly code: string;
  readonly message: string;
}

/** An ultrasound set-up: what a PLUS device set, or our own JSON, says of frames, phantom, dots and volume. */
export interface UltrasoundSetup {
  /** What messages call it. */
  readonly name: string;
  readonly transforms: readonly SetupTransform[];
  readonly frames: SetupFrames;
  readonly phantom?: SetupPhantom;
  readonly segmentation?: SetupSegmentation;
  readonly reconstruction?: SetupReconstruction;
  /** The pose of an image is that of so much later, ms: what a probe's calibration found. */
  readonly lagMs?: number;
  /** Where the line of a temporal calibration is looked for. */
  readonly temporalClip?: SetupRectangle;
  readonly notes: readonly SetupNote[];
}

/** What PLUS calls its frames where nobody says otherwise. */
export const USUAL_FRAMES: SetupFrames = { image: 'Image', probe: 'Probe', reference: 'Reference', phantom: 'Phantom' };
