import type { NavErrorCode } from '@trocar/core';
import type { ConnectionState, ToolInfo } from '../../driver.js';
import { MOST_TOOLS } from './layout.js';

/** What a bridge says of itself when a client comes. */
export interface BridgeHello {
  /** What it is, for logs. */
  readonly bridge: string;
  readonly tools: readonly ToolInfo[];
  readonly device: ConnectionState;
  readonly reason: string;
  /** It says something at least this often, ms. */
  readonly heartbeatMs: number;
}

/** Low-rate facts from the bridge. */
export type BridgeEvent =
  | { readonly kind: 'tools'; readonly tools: readonly ToolInfo[] }
  | { readonly kind: 'connection'; readonly device: ConnectionState; readonly reason: string }
  | { readonly kind: 'fault'; readonly code: NavErrorCode; readonly message: string }
  /** Poses replaced by newer ones because this client did not keep up: since the last such event, and in all. */
  | { readonly kind: 'dropped'; readonly count: number; readonly total: number };

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, most: number): value is string => typeof value === 'string' && value.length <= most;
const isState = (value: unknown): value is ConnectionState =>
  value === 'connecting' || value === 'connected' || value === 'disconnected';
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** A received hello, or undefined where it is not one. */
export function parseHello(value: unknown): BridgeHello | undefined {
  if (!isObject(value)) return undefined;
  const { bridge, device, reason, heartbeatMs } = value;
  const tools = parseTools(value['tools']);
  if (tools === undefined || !isText(bridge, 200) || !isText(reason, 2000) || !isState(device)) return undefined;
  if (typeof heartbeatMs !== 'number' || !(heartbeatMs >= 1 && heartbeatMs <= 60_000)) return undefined;
  return { bridge, tools, device, reason, heartbeatMs };
}

/** A received event; `'unknown'` for a kind of a later minor revision, undefined where it is malformed. */
export function parseEvent(value: unknown): BridgeEvent | 'unknown' | undefined {
  if (!isObject(value) || !isText(value['kind'], 40)) return undefined;
  const { kind, device, reason, code, message, count, total } = value;
  switch (kind) {
    case 'tools': {
      const tools = parseTools(value['tools']);
      return tools && { kind, tools };
    }
    case 'connection':
      return isState(device) && isText(reason, 2000) ? { kind, device, reason } : undefined;
    case 'fault':
      // Codes of a newer bridge are passed on as they are: they are for people and logs.
      return isText(code, 80) && isText(message, 4000) ? { kind, code: code as NavErrorCode, message } : undefined;
    case 'dropped':
      return isCount(count) && isCount(total) ? { kind, count, total } : undefined;
    default:
      return 'unknown';
  }
}

function parseTools(value: unknown): readonly ToolInfo[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_TOOLS) return undefined;
  const tools: ToolInfo[] = [];
  const names = new Set<string>();
  for (const entry of value as readonly unknown[]) {
    if (!isObject(entry)) return undefined;
    const { name, manufacturer, partNumber, serial } = entry;
    if (!isText(name, 200) || name === '' || names.has(name)) return undefined;
    names.add(name);
    tools.push({
      name,
      ...(isText(manufacturer, 200) && { manufacturer }),
      ...(isText(partNumber, 200) && { partNumber }),
      ...(isText(serial, 200) && { serial }),
    });
  }
  return tools;
}
