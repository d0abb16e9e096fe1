/**
 * What any MCAP tool does with a `ros1msg` schema, written anew from the rules of ROS 1 messages: packed little-endian
 * fields in the order of the definition, strings and open arrays after a count of four bytes. Slow, and knows nothing of
 * how recordings are written: an oracle.
 */
export function readRos1(definition: string, data: Uint8Array): Record<string, unknown> {
  const types = new Map<string, string[]>();
  let current: string[] = [];
  types.set('', current);
  for (const line of definition.split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    const named = /^MSG: (\S+)$/.exec(text);
    if (named !== null) {
      current = [];
      types.set(named[1] as string, current);
    } else if (text !== '' && !/^=+$/.test(text) && !text.includes('=')) current.push(text);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const place = { at: 0 };
  const value = readType('', types, view, place);
  if (place.at !== data.length) throw new Error(`${data.length - place.at} bytes are left over`);
  return value as Record<string, unknown>;
}

const PLAIN: Readonly<Record<string, readonly [bytes: number, read: (view: DataView, at: number) => unknown]>> = {
  bool: [1, (view, at) => view.getUint8(at) !== 0],
  uint8: [1, (view, at) => view.getUint8(at)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  float64: [8, (view, at) => view.getFloat64(at, true)],
};

function readType(type: string, types: ReadonlyMap<string, readonly string[]>, view: DataView, place: { at: number }): unknown {
  const take = (bytes: number): number => {
    place.at += bytes;
    return place.at - bytes;
  };
  if (type.endsWith('[]')) {
    const count = view.getUint32(take(4), true);
    return Array.from({ length: count }, () => readType(type.slice(0, -2), types, view, place));
  }
  if (type === 'string') {
    const length = view.getUint32(take(4), true);
    return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + take(length), length));
  }
  const plain = PLAIN[type];
  if (plain !== undefined) return plain[1](view, take(plain[0]));
  const fields = types.get(type);
  if (fields === undefined) throw new Error(`"${type}" is not defined`);
  return Object.fromEntries(
    fields.map((field) => {
      const [of = '', name = ''] = field.split(/\s+/);
      return [name, readType(of, types, view, place)];
    }),
  );
}
