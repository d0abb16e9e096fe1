import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@trocar/core';
import { buildPage } from '../../../suite/src/node/build-page.js';
import { isRecord } from '../../../suite/src/node/orders.js';
import type { PageGuard } from '../../../suite/src/node/page-guard.js';
import { type PageServer, servePage } from '../../../suite/src/node/page-server.js';
import type { ResultsDesk } from '../../../suite/src/node/results-desk.js';
import type { AblationCase } from '../case.js';
import type { PlanDemands } from '../plan-step.js';
import { packCase, packPost } from '../volume-file.js';
import { obey } from './orders.js';
import type { World } from './world.js';

/** What {@link serveProcedure} needs. */
export interface ServeOptions {
  readonly clock: Clock;
  readonly case: AblationCase;
  readonly demands: PlanDemands;
  /** Everything in a hurry: for tests. */
  readonly fast?: boolean;
  /** Starts tracker and bridge for pages of that origin. */
  readonly startWorld: (origin: string) => Promise<World>;
  /** Keeps results and sends them to an archive; closed with the server. Absent: nothing can be kept here. */
  readonly results?: ResultsDesk;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Who may open the page and do what, and who is told. */
  readonly guard?: PageGuard;
}

/**
 * Builds the page of this procedure and serves it with the case; the CT afterwards is made when the page orders it (`{ct: true}`).
 * @throws NavError as `servePage`
 */
export async function serveProcedure(options: ServeOptions): Promise<PageServer<World>> {
  const { clock, case: given, demands, fast = false, startWorld, results, port = 0, guard } = options;
  const folder = await buildPage(join(import.meta.dirname, '../..'));
  const shelf = mkdtempSync(join(tmpdir(), 'trocar-ablation-'));
  const written = (name: string, files: readonly Uint8Array[]): string[] =>
    files.map((bytes, n) => {
      const path = join(shelf, `${name}-${n}`);
      writeFileSync(path, bytes);
      return path;
    });
  const post: string[] = [];
  const server = await servePage<World>({
    ...(guard && { guard }),
    folder,
    startWorld,
    port,
    ...(results !== undefined && { results }),
    files: { case: written('case', packCase(given)), post },
    facts: ({ truth, tracker }) => ({
      demands,
      fast,
      results: results?.view().archive,
      covered: truth.covered,
      frozen: tracker.frozen,
    }),
    obey: (world, order) => {
      if (!isRecord(order) || order['ct'] !== true) return obey(world, clock, order);
      post.splice(0, post.length, ...written('post', packPost(world.postCt())));
      return 0;
    },
  });
  return {
    ...server,
    close: async () => {
      await server.close();
      rmSync(shelf, { recursive: true, force: true });
    },
  };
}
