import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NavError } from '@trocar/core';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { type BridgeConfig, configProblems } from './config.js';
import type { ConfigPath, ConfigProblem } from './config-shape.js';

/** A longer file is no configuration, bytes. */
const LONGEST_FILE = 1024 * 1024;

/** A configuration, and the folder that the files it names are relative to. */
export interface ReadConfig {
  readonly config: BridgeConfig;
  readonly folder: string;
}

/**
 * Reads a configuration of `trocar-bridge`: YAML, or JSON, which is a part of it.
 * @throws NavError `io/not-found`; `bridge/bad-config` with every problem, each with file, line and column
 */
export async function readConfig(file: string): Promise<ReadConfig> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new NavError('io/not-found', `The configuration "${file}" cannot be read.`, { cause });
  }
  if (bytes.length > LONGEST_FILE) throw new NavError('bridge/bad-config', `${file} is over 1 MiB, which no configuration is.`);
  return { config: parseConfig(bytes.toString('utf8'), file), folder: dirname(resolve(file)) };
}

/**
 * A configuration from its text.
 * @param name of the file, for messages
 * @throws NavError `bridge/bad-config`
 */
export function parseConfig(text: string, name: string): BridgeConfig {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false });
  const syntax = document.errors.map((error) => `${place(name, lineCounter, error.pos[0])}: ${error.message}`);
  if (syntax.length > 0) throw bad(syntax);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw bad([`${name}: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
  const problems = configProblems(value);
  if (problems.length > 0) throw bad(problems.map((p) => `${place(name, lineCounter, offsetOf(document, p))}: ${p.message}`));
  return value as BridgeConfig;
}

function bad(lines: readonly string[]): NavError {
  return new NavError('bridge/bad-config', lines.join('\n'), { detail: { problems: lines } });
}

function place(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${line}:${col}`;
}

/** Where in the text a problem is; where its value is not there, that of what should hold it. */
function offsetOf(document: Document, { path, atKey }: ConfigProblem): number {
  if (atKey === true) {
    const parent = nodeAt(document, path.slice(0, -1));
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined;
    if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
  }
  for (let length = path.length; length >= 0; length -= 1) {
    const node = nodeAt(document, path.slice(0, length));
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document, path: ConfigPath): unknown {
  return path.length === 0 ? document.contents : document.getIn(path, true);
}
