import { join } from 'node:path';
import type { Clock } from '@trocar/core';
import { buildPage } from '../../../suite/src/node/build-page.js';
import type { PageGuard } from '../../../suite/src/node/page-guard.js';
import { namesOf, type PageServer, servePage } from '../../../suite/src/node/page-server.js';
import { obey } from './orders.js';
import type { World } from './world.js';

/** What {@link serveProcedure} needs. */
export interface ServeOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** Files the page is to read its image from; none for the phantom. */
  readonly files?: readonly string[];
  /** As `readVolume` takes it. Default `refuse`. */
  readonly gaps?: 'refuse' | 'interpolate';
  /** Which series, where the files hold several. */
  readonly seriesUid?: string;
  /** Which second image the page is to register: the phantom's MR, files, or none. Default none. */
  readonly second?: 'phantom' | 'files' | 'none';
  /** Its files, for `files`. */
  readonly secondFiles?: readonly string[];
  /** Which series of them, where they hold several. */
  readonly secondSeriesUid?: string;
  /** The largest error at the target that the plan allows, mm; absent: that of the case. */
  readonly maxTre95Mm?: number;
  /** Starts tracker and bridge for pages of that origin. */
  readonly startWorld: (origin: string) => Promise<World>;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Who may open the page and do what, and who is told. */
  readonly guard?: PageGuard;
}

/** Builds the page of this procedure and serves it. @throws NavError as `servePage` */
export async function serveProcedure(options: ServeOptions): Promise<PageServer<World>> {
  const { files = [], secondFiles = [], clock, startWorld, port = 0, guard } = options;
  return servePage({
    ...(guard && { guard }),
    folder: await buildPage(join(import.meta.dirname, '../..')),
    startWorld,
    port,
    files: { image: files, second: secondFiles },
    facts: (world) => factsOf(options, world),
    obey: (world, order) => obey(world, clock, order),
  });
}

function factsOf(options: ServeOptions, { truth, tracker }: World): Record<string, unknown> {
  const { files = [], secondFiles = [], seed, gaps = 'refuse', second = 'none' } = options;
  const { seriesUid, secondSeriesUid, maxTre95Mm } = options;
  return {
    kind: files.length === 0 ? 'phantom' : 'files',
    seed,
    files: namesOf(files),
    gaps,
    second,
    secondFiles: namesOf(secondFiles),
    ...(seriesUid !== undefined && { seriesUid }),
    ...(secondSeriesUid !== undefined && { secondSeriesUid }),
    ...(maxTre95Mm !== undefined && { maxTre95Mm }),
    covered: truth.covered,
    frozen: tracker.frozen,
  };
}
