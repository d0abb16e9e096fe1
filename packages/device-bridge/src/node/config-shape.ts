/** What a value of a configuration may be. The same description checks files and makes the schema for editors. */
export type Shape =
  | (Text & Common)
  | (Quantity & Common)
  | ({ readonly kind: 'flag' } & Common)
  | ({ readonly kind: 'one'; readonly values: readonly string[] } & Common)
  | ({ readonly kind: 'list'; readonly of: Shape; readonly least?: number } & Common)
  | (Fields & Common)
  | ({ readonly kind: 'by'; readonly key: string; readonly of: Readonly<Record<string, Fields & Common>> } & Common);

interface Common {
  /** One line for people. */
  readonly help: string;
  readonly required?: boolean;
}

interface Text {
  readonly kind: 'text';
  /** A regular expression that the whole text must match, and what it says in words. */
  readonly pattern?: string;
  readonly says?: string;
}

interface Quantity {
  readonly kind: 'number';
  readonly low: number;
  readonly high: number;
  readonly whole?: boolean;
}

/** A mapping with known keys. */
export interface Fields {
  readonly kind: 'fields';
  readonly fields: Readonly<Record<string, Shape>>;
}

/** Where in a configuration something is: keys and places in lists. */
export type ConfigPath = readonly (string | number)[];

/** Something that is wrong in a configuration. */
export interface ConfigProblem {
  readonly path: ConfigPath;
  readonly message: string;
  /** The key itself is wrong, and not its value. */
  readonly atKey?: boolean;
}

/** `devices[0].tools` */
export function pathText(path: ConfigPath): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** Everything in which a value differs from what it should be; nothing where it does not. */
export function checkShape(shape: Shape, value: unknown, path: ConfigPath = []): ConfigProblem[] {
  const wrong = (message: string): ConfigProblem[] => [{ path, message: `${pathText(path) || 'The file'} ${message}` }];
  switch (shape.kind) {
    case 'text':
      if (typeof value !== 'string' || value === '') return wrong('must be a text.');
      return shape.pattern === undefined || new RegExp(`^(?:${shape.pattern})$`).test(value)
        ? []
        : wrong(`must be ${shape.says}, got "${value}".`);
    case 'number':
      return isQuantity(shape, value)
        ? []
        : wrong(`must be a ${shape.whole ? 'whole ' : ''}number from ${shape.low} to ${shape.high}.`);
    case 'flag':
      return typeof value === 'boolean' ? [] : wrong('must be true or false.');
    case 'one':
      return shape.values.some((one) => one === value) ? [] : wrong(`must be one of ${shape.values.join(', ')}.`);
    case 'list':
      if (!Array.isArray(value)) return wrong('must be a list.');
      if (value.length < (shape.least ?? 0)) return wrong(`needs at least ${shape.least} entry.`);
      return value.flatMap((entry, i) => checkShape(shape.of, entry, [...path, i]));
    case 'fields':
      return isMapping(value) ? checkFields(shape, value, path) : wrong('must be a mapping.');
    default:
      return isMapping(value) ? checkBy(shape, value, path) : wrong('must be a mapping.');
  }
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isQuantity = ({ low, high, whole }: Quantity, value: unknown): boolean =>
  typeof value === 'number' && value >= low && value <= high && (whole !== true || Number.isInteger(value));

function checkFields(shape: Fields, value: Readonly<Record<string, unknown>>, path: ConfigPath): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [key, field] of Object.entries(shape.fields)) {
    if (value[key] !== undefined) problems.push(...checkShape(field, value[key], [...path, key]));
    else if (field.required === true)
      problems.push({ path, message: `${pathText(path) || 'The file'} needs "${key}": ${field.help}` });
  }
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(shape.fields, key)) continue;
    const known = Object.keys(shape.fields).join(', ');
    problems.push({ path: [...path, key], message: `"${key}" is not known here. Known: ${known}.`, atKey: true });
  }
  return problems;
}

function checkBy(shape: Shape & { kind: 'by' }, value: Readonly<Record<string, unknown>>, path: ConfigPath): ConfigProblem[] {
  const which = value[shape.key];
  const known = Object.keys(shape.of).join(', ');
  if (typeof which !== 'string') return [{ path, message: `${pathText(path)} needs "${shape.key}": one of ${known}.` }];
  if (!Object.hasOwn(shape.of, which)) {
    return [
      { path: [...path, shape.key], message: `${pathText([...path, shape.key])} must be one of ${known}, got "${which}".` },
    ];
  }
  const fields = shape.of[which] as Fields;
  return checkFields({ kind: 'fields', fields: { [shape.key]: { kind: 'text', help: '' }, ...fields.fields } }, value, path);
}

/** The shape as JSON Schema (draft 2020-12), for editors. */
export function jsonSchema(shape: Shape): Record<string, unknown> {
  const description = shape.help === '' ? {} : { description: shape.help };
  switch (shape.kind) {
    case 'text':
      return {
        ...description,
        type: 'string',
        minLength: 1,
        ...(shape.pattern !== undefined && { pattern: `^(?:${shape.pattern})$` }),
      };
    case 'number':
      return { ...description, type: shape.whole ? 'integer' : 'number', minimum: shape.low, maximum: shape.high };
    case 'flag':
      return { ...description, type: 'boolean' };
    case 'one':
      return { ...description, enum: shape.values };
    case 'list':
      return {
        ...description,
        type: 'array',
        items: jsonSchema(shape.of),
        ...(shape.least !== undefined && { minItems: shape.least }),
      };
    case 'fields':
      return { ...description, ...fieldsSchema(shape.fields) };
    default:
      return {
        ...description,
        oneOf: Object.entries(shape.of).map(([name, { help, fields }]) => ({
          title: name,
          description: help,
          ...fieldsSchema(fields, { [shape.key]: { const: name } }),
        })),
      };
  }
}

function fieldsSchema(fields: Fields['fields'], more: Record<string, unknown> = {}): Record<string, unknown> {
  const required = [
    ...Object.keys(more),
    ...Object.entries(fields).flatMap(([key, field]) => (field.required === true ? [key] : [])),
  ];
  return {
    type: 'object',
    properties: { ...more, ...Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, jsonSchema(field)])) },
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}
