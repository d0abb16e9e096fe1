import { hex, PHINF, PHSR, PORT_STATUS, readToolFile, SYSTEM_STATUS } from '../../codec/ndi/index.js';

/** A tool of the simulated tracker. */
export interface SimulatedTool {
  readonly name: string;
  /**
   * A passive tool appears when a host uploads a tool file with this part number; a wired one is plugged in from the
   * beginning. Default passive.
   */
  readonly kind?: 'passive' | 'wired';
  /** Default: the name. */
  readonly partNumber?: string;
  /** Eight characters; wired tools only. Default `00000001` and so on. */
  readonly serial?: string;
}

/** A port handle as the device keeps it. */
export interface SimulatedPort {
  readonly handle: number;
  readonly wired: SimulatedTool | undefined;
  readonly memory: Uint8Array;
  tool: SimulatedTool | undefined;
  occupied: boolean;
  initialised: boolean;
  enabled: boolean;
}

/** The port handles of a simulated tracker, and the commands about them. Without any I/O. */
export class SimulatedPorts {
  readonly #tools: readonly SimulatedTool[];
  readonly #ports = new Map<number, SimulatedPort>();
  readonly #unplugged = new Set<string>();
  /**
   * Port changes that tracking replies tell: bits of SYSTEM_STATUS. As on a real device they stay in every reply until
   * somebody asks for the ports (recorded: 80 replies and more).
   */
  news = 0;

  constructor(tools: readonly SimulatedTool[]) {
    this.#tools = tools;
    this.reset();
  }

  /** As after power on. */
  reset(): void {
    this.#ports.clear();
    this.news = 0;
    for (const tool of this.#tools) if (tool.kind === 'wired' && !this.#unplugged.has(tool.name)) this.#add(tool);
  }

  /** In the order they were made. */
  all(): Iterable<SimulatedPort> {
    return this.#ports.values();
  }

  /** Pulls a wired tool out. */
  unplug(name: string): void {
    this.#unplugged.add(name);
    for (const port of this.#ports.values()) {
      if (port.wired?.name !== name) continue;
      port.occupied = false;
      this.news |= SYSTEM_STATUS.portUnoccupied;
    }
  }

  /** Plugs a wired tool in again, on a new port handle. */
  plug(name: string): void {
    this.#unplugged.delete(name);
    const tool = this.#tools.find((t) => t.name === name && t.kind === 'wired');
    if (tool === undefined) return;
    this.#add(tool);
    this.news |= SYSTEM_STATUS.portOccupied;
  }

  #add(tool: SimulatedTool | undefined): SimulatedPort {
    let handle = 1;
    while (this.#ports.has(handle)) handle += 1;
    const port: SimulatedPort = {
      handle,
      wired: tool,
      memory: new Uint8Array(1024),
      tool,
      occupied: tool !== undefined,
      initialised: false,
      enabled: false,
    };
    this.#ports.set(handle, port);
    return port;
  }

  /** The reply text to a command about ports; undefined for another command. */
  answer(name: string, args: string): string | undefined {
    if (name === 'PHSR') return this.#list(args);
    if (name === 'PHRQ') return hex(this.#add(undefined).handle, 2);
    if (!['PVWR', 'PINIT', 'PHINF', 'PENA', 'PDIS', 'PHF'].includes(name)) return undefined;
    const port = this.#ports.get(Number.parseInt(args.slice(0, 2), 16));
    if (port === undefined) return 'ERROR08';
    switch (name) {
      case 'PVWR':
        return write(port, args.slice(2));
      case 'PINIT':
        return this.#initialise(port);
      case 'PHINF':
        return this.#info(port, args.slice(2));
      case 'PENA':
        return enable(port, args.slice(2));
      case 'PDIS':
        port.enabled = false;
        return 'OKAY';
      default:
        this.#ports.delete(port.handle);
        return 'OKAY';
    }
  }

  /** The same of a first-generation device: three wired ports by their number, and no port handles. */
  answerOld(name: string, args: string): string | undefined {
    if (!['PSTAT', 'PINIT', 'PENA', 'PDIS'].includes(name)) return undefined;
    if (name === 'PSTAT') this.news = 0;
    if (name === 'PSTAT') return [1, 2, 3].map((n) => `${this.#stat(this.#ports.get(n))}\n`).join('');
    const port = this.#ports.get(Number(args[0]));
    if (port === undefined) return 'ERROR08';
    if (name === 'PINIT') return this.#initialise(port);
    if (name === 'PENA') return enable(port, args.slice(1));
    port.enabled = false;
    return 'OKAY';
  }

  #stat(port: SimulatedPort | undefined): string {
    if (port === undefined || !port.occupied) return 'UNOCCUPIED';
    const tool = port.initialised ? 'TROCAR      000' : ' '.repeat(12).padEnd(15, '0');
    const serial = port.initialised ? this.#serialOf(port) : '00000000';
    return `02${tool}${serial}${hex(statusOf(port), 2)}`;
  }

  #serialOf(port: SimulatedPort): string {
    const number = this.#tools.indexOf(port.wired as SimulatedTool) + 1;
    return (port.wired?.serial ?? hex(number, 8)).padEnd(8).slice(0, 8);
  }

  #list(which: string): string {
    this.news = 0;
    const ports = [...this.#ports.values()].filter((p) => {
      if (which === PHSR.toBeFreed) return !p.occupied && p.wired !== undefined;
      if (which === PHSR.toBeInitialised) return (p.occupied || p.wired === undefined) && !p.initialised;
      if (which === PHSR.toBeEnabled) return p.occupied && p.initialised && !p.enabled;
      return which !== PHSR.enabled || p.enabled;
    });
    return hex(ports.length, 2) + ports.map((p) => hex(p.handle, 2) + hex(statusOf(p), 3)).join('');
  }

  /** Reads the uploaded file, and finds the tool that carries its part number. */
  #initialise(port: SimulatedPort): string {
    if (port.wired === undefined) {
      try {
        const { partNumber } = readToolFile(port.memory.subarray(0, 752));
        port.tool = this.#tools.find((t) => t.kind !== 'wired' && (t.partNumber ?? t.name) === partNumber);
      } catch {
        return 'ERROR13';
      }
      port.occupied = true;
    }
    if (!port.occupied) return 'ERROR2C';
    port.initialised = true;
    return 'OKAY';
  }

  #info(port: SimulatedPort, option: string): string {
    if (!port.occupied) return 'UNOCCUPIED';
    const file = port.wired === undefined ? readToolFile(port.memory.subarray(0, 752)) : undefined;
    const serial = port.wired === undefined ? '00000000' : this.#serialOf(port);
    const part = file?.partNumber ?? port.wired?.partNumber ?? port.wired?.name ?? '';
    const bits = Number.parseInt(option === '' ? '0001' : option, 16);
    let text = '';
    if (bits & PHINF.basic) {
      const maker = (file?.manufacturer ?? 'TROCAR').padEnd(12).slice(0, 12);
      text += `${hex(file?.mainType ?? 2, 2)}000000${maker}000${serial}${hex(statusOf(port), 2)}`;
    }
    if (bits & PHINF.currentTest) text += '00000000';
    if (bits & PHINF.partNumber) text += part.padEnd(20).slice(0, 20);
    if (bits & PHINF.accessories) text += '00';
    if (bits & PHINF.markerType) text += '29';
    if (bits & PHINF.location) text += `TROCAR-10${port.wired === undefined ? 1 : 0}${hex(port.handle, 2)}00`;
    if (bits & PHINF.gpio) text += '00';
    return text;
  }
}

/** The port status bits that set-up commands and tracking replies share. */
export function statusOf(port: SimulatedPort): number {
  return (
    (port.occupied ? PORT_STATUS.occupied : 0) |
    (port.initialised ? PORT_STATUS.initialised : 0) |
    (port.enabled ? PORT_STATUS.enabled : 0)
  );
}

function enable(port: SimulatedPort, priority: string): string {
  if (!port.initialised) return 'ERROR0E';
  if (!/^[SDB]$/.test(priority)) return 'ERROR09';
  port.enabled = true;
  return 'OKAY';
}

function write(port: SimulatedPort, args: string): string {
  if (!/^[0-9A-F]{132}$/i.test(args)) return 'ERROR07';
  const address = Number.parseInt(args.slice(0, 4), 16);
  if (address + 64 > port.memory.length) return 'ERROR23';
  for (let i = 0; i < 64; i += 1) port.memory[address + i] = Number.parseInt(args.slice(4 + 2 * i, 6 + 2 * i), 16);
  return 'OKAY';
}
