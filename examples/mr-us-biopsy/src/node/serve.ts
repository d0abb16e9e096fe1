import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@trocar/core';
import { buildPage } from '../../../suite/src/node/build-page.js';
import type { PageGuard } from '../../../suite/src/node/page-guard.js';
import { namesOf, type PageServer, servePage } from '../../../suite/src/node/page-server.js';
import type { ResultsDesk } from '../../../suite/src/node/results-desk.js';
import type { BiopsyCase } from '../case.js';
import { packCase } from '../case-bytes.js';
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
  /** The case itself, for a page that can neither make nor read it; goes before {@link files}. */
  readonly given?: BiopsyCase;
  /** Keeps results and sends them to an archive; closed with the server. Absent: nothing can be kept here. */
  readonly results?: ResultsDesk;
  readonly port?: number;
  /** Who may open the page and do what, and who is told. */
  readonly guard?: PageGuard;
}

/** Builds the page and serves it with its simulated room. @throws NavError as `servePage` */
export async function serveProcedure(options: ServeOptions): Promise<PageServer<World>> {
  const { clock, seed, body, faults, files, given, results, port = 0, guard } = options;
  const folder = await buildPage(join(import.meta.dirname, '../..'));
  const shelf = given && mkdtempSync(join(tmpdir(), 'trocar-biopsy-'));
  const packed =
    shelf === undefined ? [] : packCase(given as BiopsyCase).map((bytes, n) => written(join(shelf, `case-${n}`), bytes));
  const server = await servePage<World>({
    ...(guard && { guard }),
    folder,
    port,
    ...(results !== undefined && { results }),
    files: given !== undefined ? { case: packed } : files === undefined ? {} : { mr: files.mr, lesions: files.lesions },
    startWorld: (origin) => startWorld({ body, seed, clock, ...(faults && { faults }), allowedOrigins: [origin] }),
    facts: (world) => ({
      kind: given !== undefined ? 'packed' : files === undefined ? 'phantom' : 'files',
      results: results?.view().archive,
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
  return {
    ...server,
    close: async () => {
      await server.close();
      if (shelf !== undefined) rmSync(shelf, { recursive: true, force: true });
    },
  };
}

function written(path: string, bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  return path;
}

/** Where a scripted person would click each landmark, in both images: JSON. */
function marksOf({ truth }: World): Uint8Array {
  const names = Object.keys(truth.body.landmarks);
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(names.map((name) => [name, truth.marked(name)]))));
}
