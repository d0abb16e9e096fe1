import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '@trocar/core';
import { createServer, defaultClientConditions, type ViteDevServer } from 'vite';
import type { NavigationCase } from '../case.js';
import { PACES } from '../hand.js';
import { controlHandler } from './control.js';
import { startWorld, type World, type WorldOptions } from './world.js';

/** What {@link startPage} needs. */
export interface PageOptions {
  readonly case: NavigationCase;
  readonly seed: number;
  /** What is shown of where the image came from. */
  readonly description: string;
  /** Default 5173, or the next free one. */
  readonly port?: number;
  readonly fast?: boolean;
  readonly line?: NonNullable<WorldOptions['line']>;
}

/** The running example. */
export interface RunningPage {
  /** Where to point a browser. */
  readonly url: string;
  readonly world: World;
  close(): Promise<void>;
}

/**
 * Serves the page, the simulated room's control channel under `/api`, and the bridge: all on loopback.
 * @throws NavError as {@link startWorld} does
 */
export async function startPage(options: PageOptions): Promise<RunningPage> {
  const clock = systemClock();
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL('../../page', import.meta.url)),
    logLevel: 'warn',
    resolve: { conditions: ['@trocar/source', ...defaultClientConditions] },
    server: {
      host: '127.0.0.1',
      port: options.port ?? 5173,
      fs: { allow: [fileURLToPath(new URL('../../../..', import.meta.url))] },
    },
    plugins: [
      {
        name: 'room',
        configureServer: ({ middlewares }) => {
          middlewares.use('/api', (request: IncomingMessage, response: ServerResponse) => {
            if (handle !== undefined) handle(request, response);
            else response.writeHead(503).end();
          });
        },
      },
    ],
  });
  await server.listen();
  try {
    const { world, url, handler } = await startRoom(server, clock, options);
    handle = handler;
    return {
      url,
      world,
      close: async () => {
        await server.close();
        await world.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function startRoom(
  server: ViteDevServer,
  clock: Clock,
  options: PageOptions,
): Promise<{ readonly world: World; readonly url: string; readonly handler: ReturnType<typeof controlHandler> }> {
  const url = server.resolvedUrls?.local[0] ?? '';
  const { port } = new URL(url);
  const allowedOrigins = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
  const world = await startWorld({
    case: options.case,
    seed: options.seed,
    clock,
    allowedOrigins,
    ...(options.line && { line: options.line }),
  });
  world.truth.hand.pace = options.fast === true ? PACES.fast : PACES.usual;
  return { world, url, handler: controlHandler({ ...options, world, clock, allowedOrigins }) };
}
