import { point } from '@trocar/core';
import { volume } from '@trocar/core/volume';
import { type NavigationCase, planOn } from './case.js';
import { CT, type ToolName } from './frames.js';

type V3 = readonly [number, number, number];

/** A case as it is sent to a page; the voxels come separately, as bytes. */
export interface CaseMessage {
  readonly bridgeUrl: string;
  readonly volume: {
    readonly voxelType: keyof typeof VOXEL_TYPES;
    readonly size: V3;
    readonly frameFromIndex: readonly number[];
    readonly rescale: { readonly slope: number; readonly intercept: number; readonly unit?: string };
    readonly modality: string;
    readonly frameOfReferenceUid: string;
    /** What is shown of where it came from: no patient. */
    readonly description: string;
  };
  readonly fiducials: readonly V3[];
  readonly normals: readonly V3[];
  readonly entry: V3;
  readonly target: V3;
  readonly warnings: readonly string[];
}

/** What the scripted hand can be told. */
export type HandCommand =
  | { readonly do: 'touch'; readonly fiducial: number }
  | { readonly do: 'insert'; readonly entry: V3; readonly target: V3; readonly beyondMm?: number }
  | { readonly do: 'retract' };

/** What else can be done to the simulated room. */
export type RoomCommand =
  | { readonly do: 'cover'; readonly tool: ToolName; readonly hidden: boolean }
  | { readonly do: 'plug'; readonly connected: boolean }
  | { readonly do: 'move-table'; readonly byMm: V3 };

/** The voxel types by name: what both ends call them. */
export const VOXEL_TYPES = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
} as const;

/** A control channel to the simulated room, for a page. */
export interface RemoteRoom {
  /** Loads the case, voxels included. */
  load(): Promise<{ readonly case: NavigationCase; readonly bridgeUrl: string; readonly description: string }>;
  /** Tells the hand what to do; resolves with how long it will take, ms. */
  hand(command: HandCommand): Promise<number>;
  room(command: RoomCommand): Promise<void>;
}

/**
 * The room behind an address.
 * @param base where the control channel is, as `/api`
 */
export function remoteRoom(base: string): RemoteRoom {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said: unknown = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(said)}`);
    return said;
  };
  return {
    load: async () => {
      const [described, voxels] = await Promise.all([fetch(`${base}/case`), fetch(`${base}/voxels`)]);
      if (!described.ok || !voxels.ok) throw new Error(`The case could not be loaded (${described.status}, ${voxels.status}).`);
      const message = (await described.json()) as CaseMessage;
      return {
        case: caseFrom(message, await voxels.arrayBuffer()),
        bridgeUrl: message.bridgeUrl,
        description: message.volume.description,
      };
    },
    hand: async (command) => ((await post('/hand', command)) as { readonly arrivesInMs: number }).arrivesInMs,
    room: async (command) => void (await post('/room', command)),
  };
}

/**
 * The case a message describes.
 * @throws NavError `volume/bad-voxels`, `volume/bad-geometry`, `guidance/bad-plan`
 */
export function caseFrom(message: CaseMessage, voxels: ArrayBuffer): NavigationCase {
  const { voxelType, size, ...rest } = message.volume;
  const v = volume({
    frame: CT,
    voxels: new VOXEL_TYPES[voxelType](voxels),
    size: [...size],
    frameFromIndex: rest.frameFromIndex,
    rescale: rest.rescale,
    modality: rest.modality,
    frameOfReferenceUid: rest.frameOfReferenceUid,
  });
  return {
    volume: v,
    fiducials: message.fiducials.map((p) => point(CT, p)),
    normals: message.normals,
    plan: planOn(v, point(CT, message.entry), point(CT, message.target)),
    warnings: message.warnings,
  };
}
