import { NavError } from '@trocar/core';

/** What PLUS answered to a command. */
export interface PlusReply {
  /** Whether its status is SUCCESS; false for FAIL, and for a text that is no reply. */
  readonly success: boolean;
  /** What it says: its attribute Message, or Error where it failed without one. */
  readonly message: string;
  /** Every attribute of the element, by name. */
  readonly attributes: Readonly<Record<string, string>>;
}

const NAME = /^[A-Za-z_][\w.-]*$/;

/**
 * A command as PLUS reads it: one element `Command` whose attribute `Name` says which, and whose others are its
 * parameters (`StartRecording` with `CaptureDeviceId` and `OutputFilename`, `UpdateTransform`, …).
 * @throws NavError `igtl/does-not-fit` for a parameter name that XML does not allow
 */
export function plusCommand(name: string, parameters: Readonly<Record<string, string>> = {}): string {
  return xmlElement('Command', { Name: name, ...parameters });
}

/** A reply as PLUS writes it. */
export function plusReply(success: boolean, message: string): string {
  return xmlElement('CommandReply', { Status: success ? 'SUCCESS' : 'FAIL', Message: message });
}

/**
 * One element without content, on one line.
 * @throws NavError `igtl/does-not-fit` for an attribute name that XML does not allow
 */
export function xmlElement(name: string, attributes: Readonly<Record<string, string>>): string {
  return `<${name}${attributesOf(attributes)} />`;
}

function attributesOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => {
      if (!NAME.test(key)) throw new NavError('igtl/does-not-fit', `"${key}" cannot name a parameter of a command.`);
      return ` ${key}="${escapeXml(value)}"`;
    })
    .join('');
}

/**
 * Reads the first element of a command or a reply: its name and its attributes. Undefined where the text begins with no
 * element. Not an XML parser: elements within, which some PLUS commands have, are left alone.
 */
export function readElement(text: string): { name: string; attributes: Record<string, string> } | undefined {
  const begin = /^\s*(?:<\?[^>]*\?>\s*)?<([A-Za-z_][\w.-]*)/.exec(text);
  if (begin === null) return undefined;
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  const next = /\s+([A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
  next.lastIndex = begin[0].length;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    attributes[found[1] as string] = unescapeXml(found[2] ?? found[3] ?? '');
  }
  return { name: begin[1] as string, attributes };
}

/** What a reply of PLUS says, in either form: as text of RTS_COMMAND or of STRING. Never throws: no reply is no success. */
export function readPlusReply(text: string): PlusReply {
  const element = readElement(text);
  const attributes = element?.attributes ?? {};
  const success = element?.name === 'CommandReply' && attributes['Status'] === 'SUCCESS';
  return { success, message: attributes['Message'] ?? attributes['Error'] ?? '', attributes };
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const NAMES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const escapeXml = (text: string): string => text.replace(/[&<>"'\n\r\t]/g, (c) => ESCAPES[c] ?? `&#${c.charCodeAt(0)};`);

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMES[name as string] as string;
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : (whole as string);
  });
