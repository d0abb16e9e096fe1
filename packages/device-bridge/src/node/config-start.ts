import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, NavError } from '@trocar/core';
import type { Recorder } from '@trocar/core/recording';
import type { AccessToken } from './auth.js';
import type { TokenConfig } from './config.js';
import { makeDevices } from './config-devices.js';
import type { ReadConfig } from './config-file.js';
import type { BridgeOptions } from './server.js';
import { readTls } from './tls.js';

/** What a configuration is carried out with. */
export interface ConfigContext {
  readonly clock: Clock;
  /** Where tokens are looked up by name. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly recorder?: Recorder;
  /** Told what is not wrong but should be known. */
  readonly warn?: (sentence: string) => void;
}

/**
 * Options for `startBridge` from a configuration: files and secrets read, devices made, nothing started yet. Its
 * `record` is the caller's: a recorder outlives the bridge.
 * @throws NavError `io/not-found`, `bridge/bad-option`, `bridge/bad-config`, `device/bad-tool-file`
 */
export async function bridgeOptionsOf({ config, folder }: ReadConfig, context: ConfigContext): Promise<BridgeOptions> {
  const { listen = {}, limits, heartbeatMs, healthyWithinMs, name } = config;
  const { clock } = context;
  const tls = listen.tls && { cert: resolve(folder, listen.tls.cert), key: resolve(folder, listen.tls.key) };
  if (tls !== undefined) await warnOfOpenFile(tls.key, context);
  return {
    clock,
    devices: await makeDevices(config.devices, { clock, folder, ...(context.recorder && { recorder: context.recorder }) }),
    allowedOrigins: listen.origins ?? [],
    allowedHosts: listen.hosts ?? [],
    allowRemote: listen.allowRemote ?? false,
    tokens: await Promise.all((listen.tokens ?? []).map((token) => readToken(token, folder, context))),
    ...(tls && { tls: await readTls(tls, clock.utc(clock.now())) }),
    ...(listen.host !== undefined && { host: listen.host }),
    ...(listen.port !== undefined && { port: listen.port }),
    ...(name !== undefined && { name }),
    ...(limits && { limits }),
    ...(heartbeatMs !== undefined && { heartbeatMs }),
    ...(healthyWithinMs !== undefined && { healthyWithinMs }),
  };
}

/**
 * A token from where it is kept.
 * @throws NavError `io/not-found` for a file that cannot be read, `bridge/bad-config` for a variable that is not set
 */
export async function readToken(from: TokenConfig, folder: string, context: ConfigContext): Promise<AccessToken> {
  const { role, file, env } = from;
  if (env !== undefined) {
    const token = context.env[env];
    if (token === undefined || token === '')
      throw new NavError('bridge/bad-config', `The environment variable ${env} holds no token.`);
    return { role, token };
  }
  const path = resolve(folder, file ?? '');
  try {
    await warnOfOpenFile(path, context);
    return { role, token: (await readFile(path, 'utf8')).trim() };
  } catch (cause) {
    throw new NavError('io/not-found', `The token file "${path}" cannot be read.`, { cause });
  }
}

/** Secrets that every user of the machine can read are none. */
async function warnOfOpenFile(path: string, { warn }: ConfigContext): Promise<void> {
  if (process.platform === 'win32' || warn === undefined) return;
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && (found.mode & 0o077) !== 0) {
    warn(`Others on this machine may read the secret in "${path}". Make it yours alone: chmod 600.`);
  }
}
