import { commArguments, readToolFile } from '../../codec/ndi/index.js';
import { requireToolNames } from '../kit/index.js';

/** A tool to be tracked: passive ones bring their file, wired ones are known by serial or part number. */
export interface NdiToolOptions {
  /** What clients call it. */
  readonly name: string;
  /** Contents of the .rom file of a passive or active wireless tool. */
  readonly toolFile?: Uint8Array;
  /** Serial number of a wired tool, as PHINF tells it. */
  readonly serial?: string;
  /** Part number of a wired tool, as PHINF tells it. */
  readonly partNumber?: string;
}

/** Deadlines, ms. */
export interface NdiTimeouts {
  /** Any command in set-up. Default 5000. */
  readonly commandMs: number;
  /** RESET banner after a break. Default 7000. */
  readonly resetMs: number;
  /** Loading a tool (PINIT reads its memory). Default 12000: an Aurora may need them. */
  readonly toolMs: number;
  /** A tracking reply. Past it every tool is `disconnected`. Default 400. */
  readonly trackingMs: number;
  /** Pause after INIT and COMM, which the device needs. Default 100. */
  readonly settleMs: number;
}

/** The defaults of {@link NdiTimeouts}. */
export const NDI_TIMEOUTS: NdiTimeouts = { commandMs: 5000, resetMs: 7000, toolMs: 12_000, trackingMs: 400, settleMs: 100 };

/**
 * Refuses tools that could not be told apart, or whose file is damaged, before anything is connected.
 * @throws NavError `device/bad-tool-file`, `bridge/bad-option`
 */
export function checkTools(tools: readonly NdiToolOptions[]): void {
  requireToolNames(tools);
  for (const { toolFile } of tools) if (toolFile !== undefined) readToolFile(toolFile);
}

/** The rates that COMM knows, fastest first. */
const RATES: readonly number[] = [1_228_739, 921_600, 230_400, 115_200, 57_600, 38_400, 19_200, 14_400, 9600];

/** Which rates a serial line is tried at, and what earlier connections learnt of them. */
export interface BaudPlan {
  /** From the first wanted one down. */
  readonly rates: readonly number[];
  readonly hardwareHandshake: boolean;
  /** The rate that worked last time: the next connection begins with it. */
  working: number | undefined;
}

/** @throws NavError `device/not-supported` where NDI devices have no such rate */
export function baudPlan(first: number, hardwareHandshake: boolean): BaudPlan {
  commArguments(first);
  return { rates: RATES.slice(RATES.indexOf(first)), hardwareHandshake, working: undefined };
}
