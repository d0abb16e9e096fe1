import { findFullName, type IgtlFrame } from '../../codec/igtl/index.js';
import type { ToolInfo } from '../../driver.js';
import type { IgtlSettings } from './options.js';
import { SenderClock } from './sender-clock.js';

/** A sender of TRANSFORM or POSITION: one tool. */
export interface SingleSource {
  /** −1: not wanted, or one too many. */
  readonly tool: number;
  readonly clock: SenderClock;
}

/** A sender of TDATA or QTDATA: the tools that it has ever had. */
export interface ListSource {
  readonly device: string;
  readonly byName: Map<string, number>;
  readonly tools: number[];
  readonly clock: SenderClock;
}

interface LongName {
  readonly bytes: Uint8Array;
  readonly source: SingleSource;
}

/** Sources kept beside the tools wanted, at most: what is not wanted must not fill the memory either. */
const SPARE_SOURCES = 256;
/** Too long for the header, and short enough for a name. */
const isLong = (size: number): boolean => size > 20 && size <= 200;
const found = new Uint32Array(2);

/**
 * Which tool number a name in a message has. Numbers are given as names appear and stay for good. Looking up a name met
 * before allocates nothing; how many are kept is limited.
 */
export class ToolRegistry {
  readonly tools: ToolInfo[] = [];
  /** How many names were turned away because there were too many. */
  turnedAway = 0;
  readonly #settings: IgtlSettings;
  readonly #names = new Set<string>();
  readonly #singles = new Map<string, SingleSource>();
  readonly #longNames: LongName[] = [];
  readonly #lists = new Map<string, ListSource>();
  readonly #unwanted: SingleSource = { tool: -1, clock: new SenderClock() };
  readonly #unwantedList: ListSource = { device: '', byName: new Map(), tools: [], clock: new SenderClock() };
  /** Configured tools that no message has named yet, by the sender's name. */
  readonly #expected = new Map<string, number>();

  constructor(settings: IgtlSettings) {
    this.#settings = settings;
    for (const { device, name = device } of settings.tools) {
      this.#expected.set(device, this.tools.length);
      this.#names.add(name);
      this.tools.push({ name });
    }
  }

  /** A new connection: its clock may be another. */
  restart(): void {
    for (const { clock } of this.#singles.values()) clock.restart();
    for (const { source } of this.#longNames) source.clock.restart();
    for (const { clock } of this.#lists.values()) clock.restart();
  }

  /**
   * The clock of the poses of this connection that knows most, if any knows enough: one server stamps all it sends by one clock, and poses
   * are small, so that they are late by less than images are.
   */
  poseClock(): SenderClock | undefined {
    let best: SenderClock | undefined;
    const take = (clock: SenderClock): void => {
      if (clock.ready && (best === undefined || clock.boundMs < best.boundMs)) best = clock;
    };
    for (const { clock } of this.#singles.values()) take(clock);
    for (const { source } of this.#longNames) take(source.clock);
    for (const { clock } of this.#lists.values()) take(clock);
    return best;
  }

  /** The source of a TRANSFORM or POSITION frame, by its full name where the header had no room for it. */
  single(frame: IgtlFrame): SingleSource {
    if (findFullName(frame, found) && isLong((found[1] as number) - (found[0] as number))) return this.#long(frame);
    const known = this.#singles.get(frame.device);
    if (known !== undefined) return known;
    return this.#learn(frame.device, (source) => this.#singles.set(frame.device, source));
  }

  /** The source of a TDATA or QTDATA frame. */
  list(frame: IgtlFrame): ListSource {
    const { device } = frame;
    const known = this.#lists.get(device);
    if (known !== undefined) return known;
    if (this.#lists.size >= SPARE_SOURCES) {
      this.turnedAway += 1;
      return this.#unwantedList;
    }
    const made: ListSource = { device, byName: new Map(), tools: [], clock: new SenderClock() };
    this.#lists.set(device, made);
    return made;
  }

  /** The number of a tool within a list; −1 where it is not wanted. */
  member(source: ListSource, name: string): number {
    const known = source.byName.get(name);
    if (known !== undefined) return known;
    if (source === this.#unwantedList) return -1;
    const tool = this.#number(name, `${source.device || 'list'}/${name}`);
    if (source.byName.size < SPARE_SOURCES) source.byName.set(name, tool);
    if (tool >= 0) source.tools.push(tool);
    return tool;
  }

  #long(frame: IgtlFrame): SingleSource {
    const from = found[0] as number;
    const size = (found[1] as number) - from;
    for (let i = 0; i < this.#longNames.length; i += 1) {
      const { bytes, source } = this.#longNames[i] as LongName;
      if (bytes.length === size && sameBytes(frame.bytes, from, bytes)) return source;
    }
    const bytes = frame.bytes.slice(from, from + size);
    return this.#learn(new TextDecoder().decode(bytes), (source) => this.#longNames.push({ bytes, source }));
  }

  #learn(name: string, keep: (source: SingleSource) => unknown): SingleSource {
    if (this.#singles.size + this.#longNames.length >= SPARE_SOURCES) {
      this.turnedAway += 1;
      return this.#unwanted;
    }
    const tool = this.#number(name, `${name}#2`);
    const source: SingleSource = tool < 0 ? this.#unwanted : { tool, clock: new SenderClock() };
    keep(source);
    return source;
  }

  /** The number of a name: expected, or new. Another source's tool of the same name is another tool. */
  #number(name: string, otherwise: string): number {
    const expected = this.#expected.get(name);
    if (expected !== undefined) {
      this.#expected.delete(name);
      return expected;
    }
    if (!this.#settings.otherTools) return -1;
    if (this.tools.length >= this.#settings.maxTools) {
      this.turnedAway += 1;
      return -1;
    }
    const wanted = name === '' ? 'unnamed' : name;
    let unique = this.#names.has(wanted) ? otherwise : wanted;
    for (let n = 3; this.#names.has(unique); n += 1) unique = `${otherwise}#${n}`;
    this.#names.add(unique);
    this.tools.push({ name: unique });
    return this.tools.length - 1;
  }
}

function sameBytes(bytes: Uint8Array, at: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i += 1) if (bytes[at + i] !== other[i]) return false;
  return true;
}
