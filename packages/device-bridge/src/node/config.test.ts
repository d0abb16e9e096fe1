import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isNavError, systemClock } from '@trocar/core';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { CONFIG_SHAPE, configSchema } from './config.js';
import { checkShape } from './config-shape.js';
import { bridgeOptionsOf, parseConfig, startBridge } from './index.js';

/** Every problem of a configuration's text, as `line:column: sentence`. */
function problems(text: string): string[] {
  try {
    parseConfig(text, 'bridge.yaml');
    return [];
  } catch (error) {
    if (!isNavError(error, 'bridge/bad-config')) throw error;
    return error.message.split('\n').map((line) => line.replace(/^bridge\.yaml:/, ''));
  }
}

const GOOD = `
name: theatre 3
listen:
  port: 8123
  origins: ["http://127.0.0.1:5173"]
devices:
  - type: ndi
    serial: /dev/ttyUSB0
    tools:
      - { name: stylus, file: stylus.rom }
      - { name: reference, serial: 34A1 }
  - { type: igtl, name: plus, tcp: "plus:18944", tools: [{ device: ProbeToTracker, name: probe }] }
  - type: dtrack
    udp: { port: 5000, host: 10.0.0.2, remote: "10.0.0.9:5000" }
    tools: [{ name: hand, id: 0 }]
  - { type: natnet, server: motive, tools: [{ name: rigid, id: 3 }] }
  - { type: line, serial: COM3, csv: [time, x, y, z, "-", qx, qy, qz, qw], tools: [{ name: imu }] }
  - { type: rosbridge, url: "ws://robot:9090", tools: [{ name: arm, topic: /tf, type: tf2_msgs/TFMessage, child: tool0 }] }
  - { type: simulate, tools: [drill], rateHz: 250 }
limits: { clients: 4 }
`;

describe('a configuration', () => {
  it('of every kind of device is read', () => {
    expect(problems(GOOD)).toEqual([]);
    expect(parseConfig(GOOD, 'x').devices.map((device) => device.type)).toEqual([
      'ndi',
      'igtl',
      'dtrack',
      'natnet',
      'line',
      'rosbridge',
      'simulate',
    ]);
  });

  it('may be JSON', () => {
    expect(parseConfig('{"devices": [{"type": "simulate"}]}', 'x').devices).toEqual([{ type: 'simulate' }]);
  });

  it.each([
    ['no devices', 'listen: {}', /^1:1: The file needs "devices"/],
    ['an empty file', '', /^1:1: The file must be a mapping/],
    ['a misspelt key', 'devices: [{ type: simulate }]\nlsiten: {}\n', /^2:1: "lsiten" is not known here/],
    [
      'a misspelt key deep down',
      'devices:\n  - type: simulate\n    ratehz: 9\n',
      /^3:5: "ratehz" is not known here\. Known: type, name, tools, rateHz/,
    ],
    ['another type', 'devices:\n  - type: ndj\n', /^2:11: devices\[0\]\.type must be one of ndi, .*got "ndj"/],
    ['no type', 'devices:\n  - { name: x }\n', /^2:5: devices\[0\] needs "type"/],
    [
      'a number that is a text',
      'devices: [{ type: simulate, rateHz: "9" }]',
      /^1:37: devices\[0\]\.rateHz must be a number from 1 to 1000/,
    ],
    [
      'a port out of range',
      'devices: [{ type: simulate }]\nlisten: { port: 70000 }',
      /^2:17: listen\.port must be a whole number/,
    ],
    ['an address that is none', 'devices: [{ type: igtl, tcp: "a b" }]', /^1:30: devices\[0\]\.tcp must be host or host:port/],
    [
      'both ways to a device',
      'devices: [{ type: ndi, tcp: a, serial: b }]',
      /^1:11: devices\[0\] needs exactly one of serial, tcp; it has 2/,
    ],
    [
      'two devices of one name',
      'devices:\n  - type: simulate\n  - { type: simulate, tools: [x] }\n',
      /^3:5: devices\[1\] is the second device "simulate"/,
    ],
    [
      'two tools of one name',
      'devices:\n  - type: simulate\n  - { type: simulate, name: b, tools: [x, stylus] }\n',
      /^3:43: devices\[1\]\.tools\[1\] is the second tool "stylus"/,
    ],
    [
      'an origin with a path',
      'devices: [{ type: simulate }]\nlisten: { origins: ["http://a/b"] }',
      /^2:21: listen\.origins\[0\] must be scheme, host and port/,
    ],
    [
      'a token in the file',
      'devices: [{ type: simulate }]\nlisten: { tokens: [{ role: observe, token: abc }] }',
      /^2:37: "token" is not known here\. Known: role, file, env/,
    ],
    [
      'a token from two places',
      'devices: [{ type: simulate }]\nlisten: { tokens: [{ role: observe, file: a, env: b }] }',
      /needs either "file" or "env"/,
    ],
    [
      'remote without saying so',
      'devices: [{ type: simulate }]\nlisten: { host: 0.0.0.0 }',
      /^2:17: listen\.host can be reached from other machines: that needs/,
    ],
    ['remote without TLS', 'devices: [{ type: simulate }]\nlisten: { host: 0.0.0.0, allowRemote: true }', /needs "tls"/],
    ['a key twice', 'devices: [{ type: simulate }]\ndevices: []\n', /^2:1: .*unique/],
    ['no YAML at all', 'devices: [', /^1:\d+: /],
    ['a limit of zero', 'devices: [{ type: simulate }]\nlimits: { clients: 0 }', /^2:20: limits\.clients/],
  ])('with %s is refused where it stands', (_, text, words) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(words);
  });

  it('of rubbish is refused with its code, and nothing else is thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.array(fc.constantFrom(...GOOD.split(/(?<=[\s:,])/))).map((parts) => parts.join('')),
        ),
        (text) => {
          problems(text);
        },
      ),
      { numRuns: 500 * inject('effort') },
    );
  });

  it('does not grow from aliases of aliases', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i += 1) lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
    expect(problems(lines.join('\n')).length).toBeGreaterThan(0);
  });

  it('starts a bridge', async () => {
    const clock = systemClock();
    const config = parseConfig('devices: [{ type: simulate, tools: [drill] }]\nname: here\n', 'x');
    const options = await bridgeOptionsOf({ config, folder: '.' }, { clock, env: {} });
    const bridge = await startBridge(options);
    expect(bridge.devices).toMatchObject([{ name: 'simulate', state: 'connected' }]);
    await bridge.close();
  });
});

/** As much of JSON Schema as the schema uses. */
function fits(schema: Record<string, unknown>, value: unknown): boolean {
  const {
    type,
    oneOf,
    enum: values,
    properties,
    required,
    items,
    pattern,
    minimum,
    maximum,
    minItems,
    minLength,
  } = schema as {
    type?: string;
    oneOf?: Record<string, unknown>[];
    enum?: unknown[];
    properties?: Record<string, Record<string, unknown>>;
    required?: string[];
    items?: Record<string, unknown>;
    pattern?: string;
    minimum?: number;
    maximum?: number;
    minItems?: number;
    minLength?: number;
  };
  if ('const' in schema) return schema['const'] === value;
  if (oneOf) return oneOf.filter((one) => fits(one, value)).length === 1;
  if (values) return values.includes(value);
  if (type === 'string')
    return typeof value === 'string' && value.length >= (minLength ?? 0) && (!pattern || new RegExp(pattern).test(value));
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'number' || type === 'integer') {
    const number = typeof value === 'number' && value >= (minimum as number) && value <= (maximum as number);
    return number && (type === 'number' || Number.isInteger(value));
  }
  if (type === 'array')
    return Array.isArray(value) && value.length >= (minItems ?? 0) && value.every((one) => fits(items ?? {}, one));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const known = Object.entries(value).every(
    ([key, one]) => Object.hasOwn(properties ?? {}, key) && fits(properties?.[key] ?? {}, one),
  );
  return known && (required ?? []).every((key) => Object.hasOwn(value, key));
}

describe('the schema for editors', () => {
  it('is the one in docs/', async () => {
    const file = fileURLToPath(new URL('../../../../docs/trocar-bridge.schema.json', import.meta.url));
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(configSchema());
  });

  it('accepts and refuses what the checker does', () => {
    const schema = configSchema();
    const good = parseConfig(GOOD, 'x') as unknown as Record<string, unknown>;
    expect(fits(schema, good)).toBe(true);
    const change = fc.tuple(
      fc.nat(),
      fc.constantFrom<unknown>(1, -1, 0.5, 'x', 'http://a', true, [], {}, null, 'ndi', ['stylus']),
      fc.boolean(),
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 0, maxLength: 3 }), (changes) => {
        const config = structuredClone(good);
        for (const [at, value, remove] of changes) mutate(config, at, value, remove);
        const right = checkShape(CONFIG_SHAPE, config).length === 0;
        refused += right ? 0 : 1;
        expect(fits(schema, config)).toBe(right);
      }),
      { numRuns: 500 * inject('effort') },
    );
    expect(refused).toBeGreaterThan(100);
  });
});

/** Changes or takes away one value somewhere in a configuration. */
function mutate(config: unknown, at: number, value: unknown, remove: boolean): void {
  const places: Array<[Record<string, unknown>, string]> = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(config);
  const [holder, key] = places[at % places.length] as [Record<string, unknown>, string];
  if (!remove) holder[key] = value;
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}
