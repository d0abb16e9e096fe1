import { isNavError, NavError } from '@trocar/core';
import {
  commArguments,
  hex,
  PHINF_OPTION,
  PHSR,
  type PortInfo,
  parsePortHandles,
  parsePortInfo,
  toolFileWrites,
} from '../../codec/ndi/index.js';
import type { DriverFault } from '../../driver.js';
import type { SerialLine } from '../../transport.js';
import type { NdiLink } from './link.js';
import type { BaudPlan, NdiTimeouts, NdiToolOptions } from './options.js';

/** What one connection's set-up works with. */
export interface SetupContext {
  readonly link: NdiLink;
  readonly timeouts: NdiTimeouts;
  readonly fault: (fault: DriverFault) => void;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * From an open line to an initialised device at its working baud rate: break or RESET, INIT, COMM.
 * @returns the rate of the serial line; NaN where the transport is none
 * @throws NavError `device/timeout`, `device/refused`, `device/not-supported`
 */
export async function initialise(context: SetupContext, plan: BaudPlan): Promise<number> {
  const { link, timeouts } = context;
  const line = link.transport.line;
  if (line !== undefined) await resetLine(context);
  else await stopEarlierTracking(context);
  await link.ask('INIT', '', timeouts.commandMs);
  await pause(timeouts.settleMs);
  if (line !== undefined) return raiseRate(context, line, plan);
  await clearEarlierTools(context);
  return Number.NaN;
}

/**
 * The fastest rate that both sides take, from the plan's first down. A rate that the device refuses costs one command;
 * one at which nothing is understood afterwards costs a reset, and is told.
 */
async function raiseRate(context: SetupContext, line: SerialLine, plan: BaudPlan): Promise<number> {
  const { link, timeouts, fault } = context;
  const rates = plan.working === undefined ? plan.rates : [plan.working, ...plan.rates.filter((r) => r < Number(plan.working))];
  let why = 'None was asked for.';
  for (const rate of rates) {
    if (rate === 9600 && !plan.hardwareHandshake) break;
    const refused = await askForRate(context, rate, plan.hardwareHandshake);
    if (refused !== undefined) {
      why = refused;
      continue;
    }
    try {
      await pause(timeouts.settleMs);
      await line.setBaudRate(rate, plan.hardwareHandshake);
      await link.ask('VER', '0', Math.min(timeouts.commandMs, 1500));
      plan.working = rate;
      return rate;
    } catch (error) {
      if (!isNavError(error) || error.code === 'device/disconnected') throw error;
      why = error.message;
      fault({ code: 'device/refused', message: `At ${rate} baud the device is not understood: a slower rate is tried. ${why}` });
      await line.setBaudRate(9600, false);
      await resetLine(context);
      await link.ask('INIT', '', timeouts.commandMs);
      await pause(timeouts.settleMs);
    }
  }
  plan.working = undefined;
  if (plan.rates[0] === 9600 && !plan.hardwareHandshake) return 9600;
  fault({ code: 'device/refused', message: `The device stays at 9600 baud: poses will be slow. ${why}` });
  return 9600;
}

/** Asks the device for a rate; why it refuses, or undefined where it takes it. */
async function askForRate({ link, timeouts }: SetupContext, rate: number, handshake: boolean): Promise<string | undefined> {
  try {
    await link.ask('COMM', commArguments(rate, handshake), timeouts.commandMs);
    return undefined;
  } catch (error) {
    if (!isNavError(error, 'device/refused')) throw error;
    return error.message;
  }
}

/** Over a network the device may still be tracking for a connection that is gone; if it is not, it says so. */
async function stopEarlierTracking({ link, timeouts }: SetupContext): Promise<void> {
  try {
    await link.ask('TSTOP', '', timeouts.commandMs);
  } catch (error) {
    if (!isNavError(error, 'device/refused')) throw error;
  }
}

/** Tools that are enabled before we enabled any were left by an earlier connection: the device is reset. */
async function clearEarlierTools(context: SetupContext): Promise<void> {
  const { link, timeouts } = context;
  if ((await enabledHandles(context)) === 0) return;
  try {
    await link.ask('RESET', '', timeouts.resetMs);
  } catch (error) {
    // Some devices reset without a word when asked over a network.
    if (!isNavError(error, 'device/timeout')) throw error;
  }
  await link.ask('INIT', '', timeouts.commandMs);
  await pause(timeouts.settleMs);
}

/** How many handles are enabled; none where the device has no port handles at all. */
async function enabledHandles(context: SetupContext): Promise<number> {
  try {
    return (await listHandles(context, PHSR.enabled)).length;
  } catch (error) {
    if (isNavError(error, 'device/refused') && error.detail['code'] === '01') return 0;
    throw error;
  }
}

/** A device that an earlier program left at another rate hears nothing but a break. */
async function resetLine(context: SetupContext): Promise<void> {
  const { link, timeouts } = context;
  const banner = link.awaitBanner(timeouts.resetMs);
  banner.catch(() => undefined);
  try {
    await link.transport.line?.sendBreak(300);
  } catch (error) {
    if (!isNavError(error, 'device/not-supported')) throw error;
    link.cancelBanner();
    await link.ask('RESET', '', timeouts.resetMs);
    return;
  }
  await banner;
}

/** The port handles of this connection, and which tool each one is. */
export interface Handles {
  /** Tool number by handle, −1 where the handle is none of ours. */
  readonly toolOf: Int16Array;
  /** Handles that the device refused to load or enable: not tried again on this connection. */
  readonly refused: Set<number>;
}

/** Frees stale handles and uploads the files of passive tools. */
export async function loadTools(context: SetupContext, tools: readonly NdiToolOptions[]): Promise<Handles> {
  const handles: Handles = { toolOf: new Int16Array(256).fill(-1), refused: new Set() };
  await freeStale(context, handles);
  for (const [number, tool] of tools.entries()) {
    if (tool.toolFile === undefined) continue;
    const handle = await requestHandle(context, tool.name);
    for (const write of toolFileWrites(handle, tool.toolFile)) await context.link.ask('PVWR', write, context.timeouts.commandMs);
    handles.toolOf[handle] = number;
  }
  return handles;
}

async function requestHandle(context: SetupContext, name: string): Promise<number> {
  // Any device, any system, wireless, any port: a passive tool.
  const reply = await context.link.ask('PHRQ', '*********1****', context.timeouts.commandMs);
  if (!/^[0-9A-F]{2}$/.test(reply)) {
    throw new NavError('device/bad-reply', `PHRQ for tool "${name}" was answered "${reply.slice(0, 20)}", not with a handle.`);
  }
  return Number.parseInt(reply, 16);
}

/** Handles of an earlier program, or of a tool that was pulled, are given back before new ones are taken. */
async function freeStale(context: SetupContext, handles: Handles): Promise<void> {
  for (const { handle } of await listHandles(context, PHSR.toBeFreed)) {
    await context.link.ask('PHF', hex(handle, 2), context.timeouts.commandMs);
    handles.toolOf[handle] = -1;
    handles.refused.delete(handle);
  }
}

async function listHandles(context: SetupContext, which: string): Promise<readonly { readonly handle: number }[]> {
  const reply = await context.link.ask('PHSR', which, context.timeouts.commandMs);
  const handles = parsePortHandles(reply);
  if (handles === undefined) throw new NavError('device/bad-reply', `PHSR ${which} was answered "${reply.slice(0, 40)}".`);
  return handles;
}

/**
 * Initialises, identifies and enables every handle that waits for it. A tool that the device refuses is told as a
 * fault and left out; the others go on.
 * @param identify gives a handle's tool number, adding a tool where it is new
 * @throws NavError `device/refused` with detail.code 0C where the device does not allow it while tracking
 */
export async function enableTools(
  context: SetupContext,
  handles: Handles,
  identify: (handle: number, info: PortInfo) => number,
): Promise<void> {
  await freeStale(context, handles);
  // Initialising a split port makes further handles appear, so the list is asked for until nothing new is on it.
  for (let round = 0; round < 8; round += 1) {
    const waiting = (await listHandles(context, PHSR.toBeInitialised)).filter(({ handle }) => !handles.refused.has(handle));
    if (waiting.length === 0) break;
    for (const { handle } of waiting) await tolerate(context, handles, handle, () => initialiseTool(context, handle));
  }
  for (const { handle } of await listHandles(context, PHSR.toBeEnabled)) {
    if (handles.refused.has(handle)) continue;
    await tolerate(context, handles, handle, () => enableTool(context, handles, handle, identify));
  }
}

async function initialiseTool(context: SetupContext, handle: number): Promise<void> {
  await context.link.ask('PINIT', hex(handle, 2), context.timeouts.toolMs);
}

async function enableTool(
  context: SetupContext,
  handles: Handles,
  handle: number,
  identify: (handle: number, info: PortInfo) => number,
): Promise<void> {
  const { link, timeouts } = context;
  const reply = await link.ask('PHINF', hex(handle, 2) + PHINF_OPTION, timeouts.commandMs);
  const info = parsePortInfo(reply);
  if (info === 'unoccupied') return;
  if (info === undefined)
    throw new NavError('device/bad-reply', `PHINF of handle ${hex(handle, 2)} was answered "${reply.slice(0, 60)}".`);
  const buttonBox = info.mainType === 3;
  await link.ask('PENA', hex(handle, 2) + (buttonBox ? 'B' : 'D'), timeouts.commandMs);
  handles.toolOf[handle] = identify(handle, info);
}

export async function tolerate(context: SetupContext, handles: Handles, handle: number, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isNavError(error, 'device/refused') || error.detail['code'] === '0C') throw error;
    handles.refused.add(handle);
    context.fault({ code: 'device/refused', message: `Port handle ${hex(handle, 2)} is left out. ${error.message}` });
  }
}
