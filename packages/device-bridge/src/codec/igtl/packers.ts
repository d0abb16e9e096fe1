import { crc64 } from './crc64.js';
import { EXTENDED_SIZE, HEADER, HEADER_SIZE } from './frame.js';
import { encodeIgtl, type IgtlMessage } from './message.js';
import { splitTime } from './time.js';
import { TDATA_ELEMENT } from './tracking-data.js';
import { TRANSFORM_SIZE, writeMatrix } from './transform.js';

/** What is the same in every message of a packer. */
export type PackerOptions = Partial<Pick<IgtlMessage, 'headerVersion' | 'messageId' | 'metadata'>>;

const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
/** Behind a tool's name and type. */
const MATRIX_IN_ELEMENT = TDATA_ELEMENT - TRANSFORM_SIZE;
const cells = new Uint32Array(2);
const crc = new Int32Array(2);

/** A message whose bytes are written once and then only where they change. */
class Packer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly content: number;

  constructor(message: IgtlMessage) {
    this.bytes = encodeIgtl(message).slice();
    this.view = new DataView(this.bytes.buffer);
    this.content = HEADER_SIZE + (message.headerVersion === 2 ? EXTENDED_SIZE : 0);
  }

  stamp(time: Float64Array): void {
    splitTime(cells, time);
    this.view.setUint32(HEADER.time, cells[0] as number);
    this.view.setUint32(HEADER.time + 4, cells[1] as number);
  }

  seal(): Uint8Array {
    crc[0] = crc[1] = 0;
    crc64(crc, this.view, HEADER_SIZE, this.bytes.length);
    this.view.setInt32(HEADER.crc, crc[0] as number);
    this.view.setInt32(HEADER.crc + 4, crc[1] as number);
    return this.bytes;
  }
}

/** Packs TRANSFORM messages of one device into the same bytes, allocating nothing. */
export class TransformPacker {
  readonly #packer: Packer;

  /** @throws NavError `igtl/does-not-fit`: a device name has at most 20 bytes */
  constructor(device: string, { headerVersion = 1, messageId = 0, metadata = [] }: PackerOptions = {}) {
    this.#packer = new Packer({
      headerVersion,
      messageId,
      metadata,
      type: 'TRANSFORM',
      device,
      timestamp: { seconds: 0, fraction: 0 },
      content: { kind: 'transform', matrix: identity },
    });
  }

  /**
   * The message, valid until the next call.
   * @param matrix 16 doubles, column-major, mm; its last row, 0 0 0 1, is not sent
   * @param time one cell: UTC in ms, or NaN for none
   * @throws NavError `igtl/does-not-fit` for a time before 1970
   */
  pack(matrix: Float64Array, time: Float64Array): Uint8Array {
    const packer = this.#packer;
    packer.stamp(time);
    writeMatrix(packer.view, packer.content, matrix, 0);
    return packer.seal();
  }
}

/**
 * Packs TDATA messages of the same tools into the same bytes, allocating nothing. A tool that is not seen must be left
 * out of TDATA, so there is one packer for each set of tools seen.
 */
export class TrackingDataPacker {
  readonly #packer: Packer;
  readonly #tools: number;

  /** @throws NavError `igtl/does-not-fit`: names have at most 20 bytes */
  constructor(
    device: string,
    tools: readonly { readonly name: string; readonly toolType?: number }[],
    { headerVersion = 1, messageId = 0, metadata = [] }: PackerOptions = {},
  ) {
    this.#tools = tools.length;
    this.#packer = new Packer({
      headerVersion,
      messageId,
      metadata,
      type: 'TDATA',
      device,
      timestamp: { seconds: 0, fraction: 0 },
      content: {
        kind: 'trackingData',
        tools: tools.map(({ name, toolType = 2 }) => ({ name, toolType, matrix: identity })),
      },
    });
  }

  /**
   * The message, valid until the next call.
   * @param matrices 16 doubles for each tool, in their order; column-major, mm
   * @param time one cell: UTC in ms, or NaN for none
   * @throws NavError `igtl/does-not-fit` for a time before 1970
   */
  pack(matrices: Float64Array, time: Float64Array): Uint8Array {
    const packer = this.#packer;
    packer.stamp(time);
    for (let i = 0; i < this.#tools; i += 1) {
      writeMatrix(packer.view, packer.content + i * TDATA_ELEMENT + MATRIX_IN_ELEMENT, matrices, 16 * i);
    }
    return packer.seal();
  }
}
