import { isNavError, NavError } from '@trocar/core';
import { DTRACK_LIMITS, DTrackFrame, decodeDtrack } from '../../codec/dtrack/index.js';
import type { Driver, ToolInfo } from '../../driver.js';
import { type DriverSession, makeDriver } from '../kit/index.js';
import { DTrackControl } from './control.js';
import type { DTrackDriverOptions, DTrackKind } from './options.js';
import { DTrackTracking } from './tracking.js';

const IN_NAME: Readonly<Record<DTrackKind, string>> = {
  body: 'body',
  flystick: 'flystick',
  measurementTool: 'tool',
  reference: 'reference',
};

/**
 * A driver for ART systems (DTrack2, DTRACK3): listens to the datagrams, and starts and stops the measurement where a
 * command connection is given. Poses are in the room's frame as it was calibrated, in mm. A target that is not tracked
 * (quality −1), is left out, or has a rotation that is none is `missing`; silence is `disconnected`. Time comes from
 * `ts2` with its latency where DTrack sends it, else from the frame counter.
 * @throws NavError `bridge/bad-option`
 */
export function dtrackDriver(options: DTrackDriverOptions): Driver {
  requireTargets(options);
  const device: Device = { control: undefined, tracking: undefined };
  const tools: ToolInfo[] = options.tools.map(({ name }) => ({ name, manufacturer: 'ART' }));
  return makeDriver({
    name: `DTrack on ${options.transport.label}`,
    clock: options.clock,
    tools,
    ...(options.timeouts && { timeouts: options.timeouts }),
    ...(options.frozenAfterMs !== undefined && { frozenAfterMs: options.frozenAfterMs }),
    open: (session) => open(options, device, session),
    close: async () => {
      const control = device.control;
      device.control = undefined;
      await control?.stop();
      await options.transport.close();
    },
  });
}

interface Device {
  control: DTrackControl | undefined;
  /** Kept over reconnections: it knows which tool is which target. */
  tracking: DTrackTracking | undefined;
}

async function open(options: DTrackDriverOptions, device: Device, session: DriverSession): Promise<void> {
  device.tracking ??= newTracking(options, session);
  const { tracking } = device;
  tracking.restart();
  const frame = new DTrackFrame();
  let badTold = tracking.badRotations;
  await options.transport.open({
    datagram: (bytes) => {
      if (!session.arrived()) return;
      try {
        decodeDtrack(frame, bytes);
      } catch (error) {
        if (isNavError(error)) session.fault(error.code, error.message);
        return;
      }
      session.alive();
      tracking.push(frame);
      if (tracking.badRotations !== badTold) {
        badTold = tracking.badRotations;
        const message = `A rotation that is none was taken for missing (${badTold} so far).`;
        session.fault('dtrack/bad-rotation', message);
      }
    },
    closed: (reason) => session.lost(reason),
  });
  if (options.control === undefined) return;
  device.control = new DTrackControl(options.control, (reason) => session.lost(reason));
  await device.control.start();
}

function newTracking(options: DTrackDriverOptions, session: DriverSession): DTrackTracking {
  const { poses } = session;
  const nameOther = (kind: DTrackKind, id: number): number => {
    const name = `dtrack-${IN_NAME[kind]}-${id}`;
    return poses.tools.some((tool) => tool.name === name) ? -1 : poses.add({ name, manufacturer: 'ART' });
  };
  const tracking = new DTrackTracking(poses, options.otherTools === false ? undefined : nameOther);
  options.tools.forEach(({ kind = 'body', id }, tool) => {
    tracking.assign(kind, id, tool);
  });
  return tracking;
}

function requireTargets(options: DTrackDriverOptions): void {
  const taken = new Set<string>();
  for (const { name, kind = 'body', id } of options.tools) {
    const target = `${kind} ${id}`;
    if (!(Number.isInteger(id) && id >= 0 && id <= DTRACK_LIMITS.id) || taken.has(target)) {
      throw new NavError(
        'bridge/bad-option',
        `Tool "${name}" is ${target}: ids are whole numbers in 0 … ${DTRACK_LIMITS.id}, and each target is one tool.`,
      );
    }
    taken.add(target);
  }
}
