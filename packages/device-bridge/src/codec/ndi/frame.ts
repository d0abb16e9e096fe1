/** Options of TX and BX, which add up. */
export const NDI_OPTION: {
  readonly transforms: 0x0001;
  readonly toolInfo: 0x0002;
  readonly strayMarker: 0x0004;
  readonly toolMarkers: 0x0008;
  readonly outOfVolume: 0x0800;
  readonly strays: 0x1000;
} = { transforms: 0x0001, toolInfo: 0x0002, strayMarker: 0x0004, toolMarkers: 0x0008, outOfVolume: 0x0800, strays: 0x1000 };

/** What a reply says of one handle. The first three are the status byte of BX. */
export const HANDLE_STATE: { readonly valid: 1; readonly missing: 2; readonly disabled: 4; readonly unoccupied: 8 } = {
  valid: 1,
  missing: 2,
  disabled: 4,
  unoccupied: 8,
};

/** Port status bits of TX and BX. */
export const PORT_STATUS: {
  readonly occupied: 0x01;
  readonly initialised: 0x10;
  readonly enabled: 0x20;
  readonly outOfVolume: 0x40;
  readonly partlyOutOfVolume: 0x80;
  /** Algorithm limit, infrared interference, processing exception, fell behind, data buffer limit. */
  readonly doubtful: 0xd300;
} = { occupied: 0x01, initialised: 0x10, enabled: 0x20, outOfVolume: 0x40, partlyOutOfVolume: 0x80, doubtful: 0xd300 };

/** System status bits that end a TX or BX reply, in rising order. */
export const SYSTEM_STATUS: {
  readonly commSyncError: 0x0001;
  readonly tooMuchInfrared: 0x0002;
  readonly crcError: 0x0004;
  readonly processingException: 0x0008;
  readonly hardwareFailure: 0x0010;
  readonly hardwareChange: 0x0020;
  readonly portOccupied: 0x0040;
  readonly portUnoccupied: 0x0080;
  readonly diagnosticPending: 0x0100;
  readonly temperature: 0x0200;
} = {
  commSyncError: 0x0001,
  tooMuchInfrared: 0x0002,
  crcError: 0x0004,
  processingException: 0x0008,
  hardwareFailure: 0x0010,
  hardwareChange: 0x0020,
  portOccupied: 0x0040,
  portUnoccupied: 0x0080,
  diagnosticPending: 0x0100,
  temperature: 0x0200,
};

const MOST_HANDLES = 255;
const MOST_STRAYS = 255;
/** More cannot stand in one short binary reply: 65535 bytes, 12 each. */
const MOST_MARKERS = 5461;
/** Doubles per handle: q0 qx qy qz tx ty tz error. */
export const VALUES = 8;

/**
 * One TX or BX reply, decoded: reused for every reply, so that decoding allocates nothing.
 *
 * Only the first {@link count} entries of the per-handle arrays are of this reply. Positions are in mm in the
 * tracker's frame; quaternions have the scalar first, as NDI sends them.
 */
export class NdiFrame {
  /** The options the reply was asked with: they say which fields are filled. */
  options = 0;
  count = 0;
  readonly handle: Uint8Array = new Uint8Array(MOST_HANDLES);
  /** One of {@link HANDLE_STATE}. */
  readonly state: Uint8Array = new Uint8Array(MOST_HANDLES);
  /** q0 qx qy qz (unit), tx ty tz (mm), error (mm RMS), per handle; NaN where there is no transform. */
  readonly values: Float64Array = new Float64Array(MOST_HANDLES * VALUES);
  readonly portStatus: Uint32Array = new Uint32Array(MOST_HANDLES);
  readonly frameNumber: Uint32Array = new Uint32Array(MOST_HANDLES);
  /** Option 0002: a byte of tool information and 20 marker nibbles, 11 bytes per handle; the LAST low nibble is marker A. */
  readonly toolInfo: Uint8Array = new Uint8Array(MOST_HANDLES * 11);
  /** Option 0004: status byte of the handle's single stray marker, and its x y z (mm, NaN where there is none). */
  readonly strayStatus: Uint8Array = new Uint8Array(MOST_HANDLES);
  readonly strayPosition: Float64Array = new Float64Array(MOST_HANDLES * 3);
  /**
   * Option 0008: the markers of each tool, one list for all handles. Those of handle `i` are the {@link markerCount}
   * entries from {@link markerStart} on: x y z (mm), and whether each is outside the volume (1) or not (0).
   */
  readonly markers: Float64Array = new Float64Array(MOST_MARKERS * 3);
  readonly markerOutOfVolume: Uint8Array = new Uint8Array(MOST_MARKERS);
  readonly markerStart: Uint16Array = new Uint16Array(MOST_HANDLES);
  readonly markerCount: Uint8Array = new Uint8Array(MOST_HANDLES);
  /** How many entries of {@link markers} are of this reply. */
  markersUsed = 0;
  /** Option 1000: passive markers that belong to no tool. */
  strayCount = 0;
  /** One bit each, first marker lowest: outside the volume. */
  readonly strayOutOfVolume: Uint8Array = new Uint8Array((MOST_STRAYS + 7) >> 3);
  readonly strays: Float64Array = new Float64Array(MOST_STRAYS * 3);
  /** Bits of {@link SYSTEM_STATUS}. */
  systemStatus = 0;

  /** Empties the frame before decoding into it. */
  begin(options: number): void {
    this.options = options;
    this.count = 0;
    this.strayCount = 0;
    this.markersUsed = 0;
    this.systemStatus = 0;
  }

  /** Adds a handle with nothing known about it yet, and returns its index. */
  addHandle(handle: number, state: number): number {
    const i = this.count;
    this.count = i + 1;
    this.handle[i] = handle;
    this.state[i] = state;
    this.portStatus[i] = 0;
    this.frameNumber[i] = 0;
    this.strayStatus[i] = 0;
    this.markerStart[i] = this.markersUsed;
    this.markerCount[i] = 0;
    for (let k = 0; k < VALUES; k += 1) this.values[i * VALUES + k] = Number.NaN;
    for (let k = 0; k < 11; k += 1) this.toolInfo[i * 11 + k] = 0;
    for (let k = 0; k < 3; k += 1) this.strayPosition[i * 3 + k] = Number.NaN;
    return i;
  }

  /** Room for `count` markers of handle `i`: the place of the first, or −1 where one reply cannot hold as many. */
  addMarkers(i: number, count: number): number {
    const first = this.markersUsed;
    if (first + count > MOST_MARKERS) return -1;
    this.markersUsed = first + count;
    this.markerStart[i] = first;
    this.markerCount[i] = count;
    return first;
  }

  /** The index of a handle in this reply, or −1. */
  indexOf(handle: number): number {
    for (let i = 0; i < this.count; i += 1) if (this.handle[i] === handle) return i;
    return -1;
  }
}
