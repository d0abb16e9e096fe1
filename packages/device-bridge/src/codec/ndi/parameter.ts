/** One `name=value` of a GET reply. */
export interface NdiParameter {
  readonly name: string;
  readonly value: string;
}

/** What GETINFO says of one parameter. Texts as the device sends them. */
export interface NdiParameterInfo extends NdiParameter {
  readonly type: string;
  readonly attribute: string;
  readonly minimum: string;
  readonly maximum: string;
  /** Names of the values, where they are named. */
  readonly enumeration: string;
  readonly description: string;
}

/** The lines of a GET reply; undefined where the text is not one. A value may hold anything but LF. */
export function parseParameters(text: string): readonly NdiParameter[] | undefined {
  const parameters: NdiParameter[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const at = line.indexOf('=');
    if (at < 1) return undefined;
    parameters.push({ name: line.slice(0, at), value: line.slice(at + 1) });
  }
  return parameters;
}

/**
 * The lines of a GETINFO reply: `name=value;type;attribute;minimum;maximum;enumeration;description`; undefined where
 * the text is not one. Layout: NDI samples (unverified: no recording has one). A description may hold semicolons.
 */
export function parseParameterInfo(text: string): readonly NdiParameterInfo[] | undefined {
  const infos: NdiParameterInfo[] = [];
  for (const { name, value } of parseParameters(text) ?? [{ name: '', value: '' }]) {
    const fields = value.split(';');
    if (fields.length < 7) return undefined;
    const [first = '', type = '', attribute = '', minimum = '', maximum = '', enumeration = '', ...rest] = fields;
    infos.push({ name, value: first, type, attribute, minimum, maximum, enumeration, description: rest.join(';') });
  }
  return infos;
}

/**
 * The API revision in a reply to APIREV, as `G.003.002`: its letter and first number; undefined where there is none.
 * BX2 and STREAM need G.003 or newer (NDI samples).
 */
export function parseApiRevision(text: string): { readonly letter: string; readonly number: number } | undefined {
  const match = /^([A-Z])\.(\d{3})(?:\.\d{3})?$/.exec(text.trim());
  return match === null ? undefined : { letter: match[1] as string, number: Number(match[2]) };
}

/** Whether a device of this API revision knows BX2 and STREAM: G.003 or newer. */
export function knowsBx2(text: string): boolean {
  const revision = parseApiRevision(text);
  return revision !== undefined && (revision.letter > 'G' || (revision.letter === 'G' && revision.number >= 3));
}
