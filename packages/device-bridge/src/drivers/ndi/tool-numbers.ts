import { hex, type PortInfo } from '../../codec/ndi/index.js';
import type { PoseSink, ToolInfo } from '../../driver.js';
import type { NdiToolOptions } from './options.js';

/** Gives tools their numbers, which they keep as long as the driver runs: the place in its list. */
export class ToolNumbers {
  readonly #tools: ToolInfo[];
  readonly #wanted: readonly NdiToolOptions[];
  readonly #others: boolean;
  readonly #sink: PoseSink;

  /** @param tools the driver's own list, which grows; @param others whether tools that nobody named are taken too */
  constructor(tools: ToolInfo[], wanted: readonly NdiToolOptions[], others: boolean, sink: PoseSink) {
    this.#tools = tools;
    this.#wanted = wanted;
    this.#others = others;
    this.#sink = sink;
  }

  /**
   * The number of the tool at a handle: uploaded before, matched by serial or part number, or new. −1: not wanted.
   * @param uploaded the number of the tool whose file was uploaded to this handle, or −1
   */
  identify(handle: number, info: PortInfo, uploaded: number): number {
    const facts = { manufacturer: info.manufacturer, partNumber: info.partNumber, serial: info.serial };
    let number = uploaded >= 0 ? uploaded : this.#named(info);
    const name = number >= 0 ? (this.#tools[number] as ToolInfo).name : `ndi-${info.serial || hex(handle, 2)}`;
    if (number < 0) number = this.#tools.findIndex((tool) => tool.name === name);
    if (number < 0) {
      if (!this.#others) return -1;
      number = this.#tools.length;
    }
    this.#tools[number] = { name, ...facts };
    this.#sink.tools([...this.#tools]);
    return number;
  }

  #named(info: PortInfo): number {
    return this.#wanted.findIndex(
      (tool) =>
        tool.toolFile === undefined &&
        (tool.serial !== undefined || tool.partNumber !== undefined) &&
        (tool.serial ?? info.serial) === info.serial &&
        (tool.partNumber ?? info.partNumber) === info.partNumber,
    );
  }
}
