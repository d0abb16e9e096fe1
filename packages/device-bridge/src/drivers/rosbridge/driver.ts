import { isNavError, NavError } from '@trocar/core';
import { RosbridgeDecoder, subscribeText, unsubscribeText } from '../../codec/rosbridge/index.js';
import type { Driver } from '../../driver.js';
import { type DriverSession, makeDriver } from '../kit/index.js';
import type { RosbridgeDriverOptions, RosSocket } from './options.js';
import { RosTracking } from './tracking.js';

/** The port that rosbridge listens on, unless told otherwise. */
export const ROSBRIDGE_PORT = 9090;

interface Link {
  socket: RosSocket | undefined;
  tracking: RosTracking | undefined;
  session: DriverSession | undefined;
}

/**
 * A driver for ROS through rosbridge: subscribes to PoseStamped, TransformStamped or TFMessage topics as JSON. Metres
 * become mm, quaternions are x y z w as in ROS. The header's stamp is fitted to the arrivals where it is not 0 and does
 * not go back; otherwise a pose is as old as its arrival. ROS does not say whether a tool was seen: poses are `unknown`
 * unless `messageMeans` says otherwise. Compressed messages (png, cbor) are not asked for, and refused.
 *
 * rosbridge has no authentication: whoever reaches it can publish poses. Keep it on the robot's own network.
 * @throws NavError `bridge/bad-option`
 */
export function rosbridgeDriver(options: RosbridgeDriverOptions): Driver {
  requireTools(options);
  const link: Link = { socket: undefined, tracking: undefined, session: undefined };
  return makeDriver({
    name: `rosbridge on ${options.url}`,
    clock: options.clock,
    tools: options.tools.map(({ name }) => ({ name })),
    timeouts: { silenceMs: 1000, ...options.timeouts },
    ...(options.frozenAfterMs !== undefined && { frozenAfterMs: options.frozenAfterMs }),
    open: (session) => open(options, link, session),
    close: async () => {
      const { socket } = link;
      link.socket = undefined;
      if (socket === undefined) return;
      for (const topic of topicsOf(options)) sendQuietly(socket, unsubscribeText(topic));
      socket.close();
    },
  });
}

function topicsOf(options: RosbridgeDriverOptions): Set<string> {
  return new Set(options.tools.map(({ topic }) => topic));
}

/** A socket that is closing may refuse; its closing is told in its own way. */
function sendQuietly(socket: RosSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // Nothing is lost that matters any more.
  }
}

async function open(options: RosbridgeDriverOptions, link: Link, session: DriverSession): Promise<void> {
  link.session = session;
  link.tracking ??= new RosTracking(options, session.poses, {
    alive: () => link.session?.alive(),
    fault: (code, message) => link.session?.fault(code, message),
  });
  link.tracking.restart();
  const socket = connect(options);
  link.socket = socket;
  await new Promise<void>((resolve, reject) => listen(options, link, session, socket, resolve, reject));
  const asked = new Set<string>();
  for (const { topic, type } of options.tools) {
    if (asked.has(topic)) continue;
    asked.add(topic);
    socket.send(subscribeText(topic, type, options.throttleMs ?? 0));
  }
}

function connect(options: RosbridgeDriverOptions): RosSocket {
  if (options.socket === undefined && typeof WebSocket === 'undefined') {
    const what = 'There is no WebSocket here. Pass socket: (url) => new WebSocket(url) with the one of "ws".';
    throw new NavError('bridge/bad-option', what);
  }
  try {
    const socket = options.socket?.(options.url) ?? (new WebSocket(options.url) as unknown as RosSocket);
    socket.binaryType = 'arraybuffer';
    return socket;
  } catch (cause) {
    throw new NavError('device/connect-failed', `${options.url} is no address of a WebSocket.`, { cause });
  }
}

function listen(
  options: RosbridgeDriverOptions,
  link: Link,
  session: DriverSession,
  socket: RosSocket,
  opened: () => void,
  failed: (reason: NavError) => void,
): void {
  const decoder = new RosbridgeDecoder(options.limits);
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
    opened();
  };
  // The close event that follows says the same.
  socket.onerror = () => undefined;
  socket.onclose = () => {
    if (link.socket !== socket) return;
    if (isOpen) session.lost(new NavError('device/disconnected', `${options.url} closed the connection.`));
    else failed(new NavError('device/connect-failed', `${options.url} cannot be reached.`));
  };
  socket.onmessage = (event: { readonly data: unknown }) => {
    if (link.socket !== socket || !session.arrived()) return;
    try {
      take(link, session, decoder, event.data);
    } catch (error) {
      if (isNavError(error)) session.fault(error.code, error.message);
    }
  };
}

function take(link: Link, session: DriverSession, decoder: RosbridgeDecoder, data: unknown): void {
  if (typeof data !== 'string') {
    throw new NavError(
      'rosbridge/unsupported',
      'The server sends binary messages (cbor), which were not asked for and cannot be read.',
    );
  }
  const message = decoder.decode(data);
  if (message?.op === 'publish') link.tracking?.push(message.topic, message.message);
  else if (message?.op === 'status' && (message.level === 'error' || message.level === 'warning')) {
    session.fault('device/refused', `rosbridge says (${message.level}): ${message.text}`);
  }
}

function requireTools(options: RosbridgeDriverOptions): void {
  const types = new Map<string, string>();
  for (const { name, topic, type, child } of options.tools) {
    const other = types.get(topic) ?? type;
    types.set(topic, type);
    if (topic === '' || other !== type || (type === 'tf2_msgs/TFMessage' && child === undefined)) {
      throw new NavError(
        'bridge/bad-option',
        `Tool "${name}" needs a topic that has one type for all tools, and of a TFMessage a child frame.`,
      );
    }
  }
  if (options.tools.length === 0)
    throw new NavError('bridge/bad-option', 'A rosbridge driver needs at least one tool: a topic to ask for.');
}
