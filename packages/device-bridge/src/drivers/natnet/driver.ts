import { NavError } from '@trocar/core';
import type { NatNetModel, RigidBodyModel } from '../../codec/natnet/index.js';
import type { Driver, ToolInfo } from '../../driver.js';
import { type DriverSession, isToolName, makeDriver } from '../kit/index.js';
import type { NatNetDriverOptions } from './options.js';
import { NatNetSession } from './session.js';
import { NatNetTracking } from './tracking.js';

interface Device {
  session: NatNetSession | undefined;
  /** Kept over reconnections: it knows which tool is which rigid body. */
  tracking: NatNetTracking | undefined;
  /** Names of rigid bodies by id, as the server told them last. */
  readonly names: Map<number, string>;
}

/**
 * A driver for OptiTrack's Motive over NatNet 3 and 4 (2.x as far as its layout is known; its poses are `unknown`): asks
 * for the server and its models, compares the clocks with echoes, and tells rigid bodies as of the cameras' mid-exposure.
 * A body that is not tracked or left out is `missing`; silence is `disconnected`.
 *
 * Poses are in mm in Motive's own frame. Whether its y or its z axis points up is a setting of Motive that the protocol
 * does not tell, so nothing is turned: name the frame by what is set there.
 * @throws NavError `bridge/bad-option`
 */
export function natnetDriver(options: NatNetDriverOptions): Driver {
  requireIds(options);
  const device: Device = { session: undefined, tracking: undefined, names: new Map() };
  const tools: ToolInfo[] = options.tools.map(({ name }) => ({ name, manufacturer: 'OptiTrack' }));
  return makeDriver({
    name: `NatNet on ${options.command.label}`,
    clock: options.clock,
    tools,
    ...(options.timeouts && { timeouts: options.timeouts }),
    ...(options.frozenAfterMs !== undefined && { frozenAfterMs: options.frozenAfterMs }),
    open: async (session) => {
      device.tracking ??= newTracking(options, device, session);
      const { tracking } = device;
      const connection = new NatNetSession(options, session, tracking, (models) => learn(options, device, tracking, models));
      device.session = connection;
      await connection.open();
    },
    close: async () => {
      device.session?.close();
      device.session = undefined;
      await options.command.close();
      await options.data?.close();
    },
  });
}

function newTracking(options: NatNetDriverOptions, device: Device, session: DriverSession): NatNetTracking {
  const { poses } = session;
  const nameOther = (id: number): number => {
    const taken = (name: string): boolean => poses.tools.some((tool) => tool.name === name);
    const model = (device.names.get(id) ?? '').replaceAll(/[^A-Za-z0-9_-]/g, '-');
    const name = isToolName(model) && !taken(model) ? model : `natnet-${id >>> 0}`;
    return taken(name) ? -1 : poses.add({ name, manufacturer: 'OptiTrack' });
  };
  const tracking = new NatNetTracking(poses, options.otherTools === false ? undefined : nameOther);
  options.tools.forEach(({ id }, tool) => {
    if (id !== undefined) tracking.assign(id, tool);
  });
  return tracking;
}

/** Which rigid body is which tool, by name; a body that has a tool keeps it. */
function learn(options: NatNetDriverOptions, device: Device, tracking: NatNetTracking, models: readonly NatNetModel[]): void {
  device.names.clear();
  for (const model of models) {
    if (model.kind !== 'rigidBody') continue;
    const { id, name } = model as RigidBodyModel;
    device.names.set(id, name);
    const tool = options.tools.findIndex((wanted) => wanted.id === undefined && (wanted.model ?? wanted.name) === name);
    if (tool >= 0) tracking.assign(id, tool);
  }
}

function requireIds(options: NatNetDriverOptions): void {
  const ids = new Set<number>();
  for (const { name, id } of options.tools) {
    if (id === undefined) continue;
    if (!Number.isInteger(id) || ids.has(id)) {
      throw new NavError(
        'bridge/bad-option',
        `Tool "${name}" has the streaming id ${id}: ids are whole numbers, each of one tool.`,
      );
    }
    ids.add(id);
  }
}
