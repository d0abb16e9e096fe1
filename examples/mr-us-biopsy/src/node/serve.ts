import { join } from 'node:path';
import type { Clock } from '@trocar/core';
import { buildPage } from '../../../suite/src/node/build-page.js';
import { namesOf, type PageServer, servePage } from '../../../suite/src/node/page-server.js';
import type { EquipmentFaults, TrueBody } from '../truth.js';
import { obey, startWorld, type World } from './world.js';

/** What {@link serveProcedure} needs. */
export interface ServeOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** What the simulated ultrasound is of. */
  readonly body: TrueBody;
  readonly faults?: EquipmentFaults;
  /** Files the page is to read its images from; without, it makes the phantom of the seed. */
  readonly files?: { readonly mr: readonly string[]; readonly lesions: readonly string[] };
  readonly port?: number;
}

/** Builds the page and serves it with its simulated room. @throws NavError as `servePage` */
export async function serveProcedure({ clock, seed, body, faults, files, port = 0 }: ServeOptions): Promise<PageServer<World>> {
  return servePage({
    folder: await buildPage(join(import.meta.dirname, '../..')),
    port,
    files: files === undefined ? {} : { mr: files.mr, lesions: files.lesions },
    startWorld: (origin) => startWorld({ body, seed, clock, ...(faults && { faults }), allowedOrigins: [origin] }),
    facts: (world) => ({
      kind: files === undefined ? 'phantom' : 'files',
      seed,
      mr: namesOf(files?.mr ?? []),
      lesions: namesOf(files?.lesions ?? []),
      covered: world.truth.covered,
    }),
    obey: (world, order) => obey(world, clock, order),
    bytes: (world, name) => {
      if (name === 'image') return world.imageBytes();
      return name === 'marks' ? marksOf(world) : undefined;
    },
  });
}

/** Where a scripted person would click each landmark, in both images: JSON. */
function marksOf({ truth }: World): Uint8Array {
  const names = Object.keys(truth.body.landmarks);
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(names.map((name) => [name, truth.marked(name)]))));
}
