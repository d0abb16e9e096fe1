import { isNavError, NavError } from '@trocar/core';
import { type PortInfo, parsePortStats } from '../../codec/ndi/index.js';
import type { NdiToolOptions } from './options.js';
import { type Handles, type SetupContext, tolerate } from './setup.js';

/** Wired ports of a first-generation system. */
const PORTS = 3;

/**
 * Whether the device has no port handles: first-generation systems answer PHSR with ERROR01, and have three wired
 * ports instead.
 * @throws NavError as the link
 */
export async function hasNoHandles({ link, timeouts }: SetupContext): Promise<boolean> {
  try {
    await link.ask('PHSR', '00', timeouts.commandMs);
    return false;
  } catch (error) {
    if (isNavError(error, 'device/refused') && error.detail['code'] === '01') return true;
    throw error;
  }
}

/** The ports of a first-generation system as handles 1 … 3; tools that would need their file uploaded are told. */
export function oldHandles(context: SetupContext, tools: readonly NdiToolOptions[]): Handles {
  for (const tool of tools) {
    if (tool.toolFile === undefined) continue;
    context.fault({
      code: 'device/not-supported',
      message: `Tool "${tool.name}" is left out: this device has no port handles, so its tool file cannot be uploaded.`,
    });
  }
  return { toolOf: new Int16Array(256).fill(-1), refused: new Set() };
}

/**
 * Initialises, identifies and enables the wired tools of a first-generation system: PSTAT, PINIT n, PENA nD. A tool
 * that the device refuses is told as a fault and left out.
 * @param identify gives a port's tool number, adding a tool where it is new
 * @throws NavError as enableTools
 */
export async function enableOldPorts(
  context: SetupContext,
  handles: Handles,
  identify: (handle: number, info: PortInfo) => number,
): Promise<void> {
  const before = await portStats(context);
  for (let port = 1; port <= PORTS; port += 1) {
    if (before[port - 1] === 'unoccupied') {
      handles.toolOf[port] = -1;
      handles.refused.delete(port);
    } else if (!handles.refused.has(port)) {
      await tolerate(context, handles, port, () => enablePort(context, handles, port, identify));
    }
  }
}

async function enablePort(
  context: SetupContext,
  handles: Handles,
  port: number,
  identify: (handle: number, info: PortInfo) => number,
): Promise<void> {
  const { link, timeouts } = context;
  await link.ask('PINIT', String(port), timeouts.toolMs);
  const stat = (await portStats(context))[port - 1];
  if (stat === undefined || stat === 'unoccupied') return;
  await link.ask('PENA', `${port}D`, timeouts.commandMs);
  const mainType = Number.parseInt(stat.toolType.slice(0, 2), 16);
  handles.toolOf[port] = identify(port, { ...stat, mainType, partNumber: '' });
}

async function portStats({ link, timeouts }: SetupContext): Promise<NonNullable<ReturnType<typeof parsePortStats>>> {
  const reply = await link.ask('PSTAT', '', timeouts.commandMs);
  const stats = parsePortStats(reply);
  if (stats === undefined) throw new NavError('device/bad-reply', `PSTAT was answered "${reply.slice(0, 60)}".`);
  return stats;
}
