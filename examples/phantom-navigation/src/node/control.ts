import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, isNavError, NavError, point } from '@trocar/core';
import { accessPolicy, refusal } from '@trocar/device-bridge/node';
import { type NavigationCase, planOn } from '../case.js';
import { CT, TOOLS, type ToolName } from '../frames.js';
import type { CaseMessage, HandCommand, RoomCommand } from '../remote.js';
import type { World } from './world.js';

type V3 = readonly [number, number, number];

/** What {@link controlHandler} speaks for. */
export interface ControlOptions {
  readonly world: World;
  readonly case: NavigationCase;
  readonly clock: Clock;
  /** The page's own origins. */
  readonly allowedOrigins: readonly string[];
  /** What is shown of where the image came from. */
  readonly description: string;
}

const LARGEST_BODY = 4096;

/**
 * The simulated room over HTTP: `GET case`, `GET voxels`, `POST hand`, `POST room`. The hidden truth is not on offer. Foreign
 * hosts and origins are refused as by the bridge.
 * @returns a handler for requests whose path has been cut to what follows the mount point
 */
export function controlHandler(options: ControlOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const policy = accessPolicy({
    host: '127.0.0.1',
    allowedOrigins: options.allowedOrigins,
    allowedHosts: [],
    allowRemote: false,
  });
  return (request, response) => {
    const { host, origin } = request.headers;
    const why = refusal(policy, { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) });
    if (why !== undefined) {
      answer(response, 403, { message: why });
      return;
    }
    route(request, response, options).catch((error: unknown) => {
      const code = isNavError(error) ? error.code : 'failed';
      answer(response, 400, { code, message: error instanceof Error ? error.message : String(error) });
    });
  };
}

async function route(request: IncomingMessage, response: ServerResponse, options: ControlOptions): Promise<void> {
  const what = `${request.method} ${new URL(request.url ?? '/', 'http://room').pathname}`;
  if (what === 'GET /case') answer(response, 200, caseMessage(options));
  else if (what === 'GET /voxels') sendVoxels(response, options.case);
  else if (what === 'POST /hand') {
    const arrivesAt = tellHand(await bodyOf(request), options);
    answer(response, 200, { arrivesInMs: Math.max(0, arrivesAt - options.clock.now()) });
  } else if (what === 'POST /room') {
    tellRoom(await bodyOf(request), options.world);
    answer(response, 200, {});
  } else answer(response, 404, { message: `There is no "${what}".` });
}

function caseMessage({ case: given, world, description }: ControlOptions): CaseMessage {
  const { volume, plan } = given;
  const three = (p: { readonly xyz: ArrayLike<number> }): V3 => [p.xyz[0] as number, p.xyz[1] as number, p.xyz[2] as number];
  return {
    bridgeUrl: world.bridge.url,
    volume: {
      voxelType: volume.voxels.constructor.name as CaseMessage['volume']['voxelType'],
      size: volume.size,
      frameFromIndex: Array.from(volume.frameFromIndex),
      rescale: volume.rescale,
      modality: volume.modality,
      frameOfReferenceUid: volume.frameOfReferenceUid ?? '',
      description,
    },
    fiducials: given.fiducials.map(three),
    normals: given.normals,
    entry: three(plan.entry),
    target: three(plan.target),
    warnings: [...volume.warnings.map((w) => w.message), ...given.warnings],
  };
}

function sendVoxels(response: ServerResponse, { volume: { voxels } }: NavigationCase): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': voxels.byteLength });
  response.end(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength));
}

function tellHand(body: unknown, { world, clock, case: given }: ControlOptions): number {
  const command = body as HandCommand;
  const { hand } = world.truth;
  if (command.do === 'retract') return hand.retract(clock.now());
  if (command.do === 'touch') {
    const { fiducial } = command;
    if (!Number.isInteger(fiducial) || fiducial < 0 || fiducial >= given.fiducials.length) throw bad(body);
    return hand.touch(fiducial, clock.now());
  }
  if (command.do !== 'insert') throw bad(body);
  const plan = planOn(given.volume, point(CT, command.entry), point(CT, command.target));
  return hand.insert(clock.now(), Number(command.beyondMm ?? 0), plan);
}

function tellRoom(body: unknown, world: World): void {
  const command = body as RoomCommand;
  if (command.do === 'cover' && TOOLS.includes(command.tool as ToolName))
    world.truth.cover(command.tool, command.hidden === true);
  else if (command.do === 'plug') world.plug(command.connected === true);
  else if (command.do === 'move-table') {
    const by = point(CT, command.byMm).xyz;
    world.truth.moveTable([by[0] as number, by[1] as number, by[2] as number]);
  } else throw bad(body);
}

function bad(body: unknown): NavError {
  return new NavError('bridge/bad-option', `The room does not know how to "${JSON.stringify(body).slice(0, 200)}".`);
}

/** The JSON of a request. A page elsewhere cannot send this content type without asking first, and is then refused. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (request.headers['content-type'] !== 'application/json')
    throw new NavError('bridge/malformed', 'Send JSON, as application/json.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new NavError('bridge/malformed', `More than ${LARGEST_BODY} bytes.`);
    chunks.push(chunk);
  }
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (typeof body !== 'object' || body === null) throw bad(body);
  return body;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
