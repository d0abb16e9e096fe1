/**
 * What a recording is made of: an MCAP file of profile `trocar` whose channels and schemas are written here. The
 * high-rate ones are `ros1` messages (packed, little-endian), so that poses are bit-exact doubles and yet every MCAP
 * tool can read them from the schema alone; the low-rate ones are JSON with a JSON schema.
 */

/** The MCAP profile, and the version of what stands inside. */
export const PROFILE = 'trocar';
/** Raised when a reader of the version before could misread a file. */
export const SCHEMA_VERSION = 1;
/** Written into every file; a test holds it equal to package.json. */
export const LIBRARY = '@trocar/core 0.1.0';
/** The name of the metadata record that every recording has, ahead of everything else. */
export const FACTS_NAME = 'trocar/recording';

/** MCAP's record types (https://mcap.dev/spec): those that this room writes or looks at itself. */
export const OP = {
  header: 0x01,
  footer: 0x02,
  schema: 0x03,
  channel: 0x04,
  message: 0x05,
  chunk: 0x06,
  messageIndex: 0x07,
  metadata: 0x0c,
  dataEnd: 0x0f,
} as const;

/** Every file begins and ends with these. */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a);

/** A record's type and length, before its content. */
export const RECORD_HEADER = 9;
/** A message's channel, sequence number and two times, before its data. */
export const MESSAGE_HEADER = 22;

/** What a device's channels carry. */
export const KINDS = ['poses', 'tools', 'connection', 'faults', 'raw'] as const;
/** One of {@link KINDS}, or the images of a device that has any: their channel is opened by the first. */
export type ChannelKind = (typeof KINDS)[number] | 'images';
/** Where an application's own events go. */
export const EVENTS_TOPIC = '/events';

/** The bytes before the first pose of a poses message: at (f64), flushed (u8), count (u32). */
export const POSES_HEADER = 13;
/** tool (u16), status (u8), frame (u32), ten doubles. */
export const POSE_BYTES = 87;

/** The bytes of an images message without its source's name and its pixels. */
export const IMAGE_BYTES = 74;

/** How the kinds of a raw message are numbered. */
export const RAW_KINDS = ['received', 'sent', 'opened', 'closed', 'line'] as const;
/** One of {@link RAW_KINDS}. */
export type RawKind = (typeof RAW_KINDS)[number];

/** A schema as MCAP keeps it, and how its channel's messages are encoded. */
export interface SchemaText {
  readonly name: string;
  readonly encoding: 'ros1msg' | 'jsonschema';
  readonly messages: 'ros1' | 'json';
  readonly text: string;
}

const POSES = `# Poses that a driver told together, in the order told.
# The host's monotonic clock when they were told, ms.
float64 at_ms
# Whether the driver said that these were all; false where a set is spread over several messages, or was cut off.
bool flushed
trocar/Pose[] poses

================================================================================
MSG: trocar/Pose
uint8 OK=0
uint8 PREDICTED=1
uint8 UNKNOWN=2
uint8 OUT_OF_VOLUME=3
uint8 STALE=4
uint8 MISSING=5
uint8 DISCONNECTED=6
# Place in the newest list on the device's tools channel.
uint16 tool
# MISSING and DISCONNECTED have no pose, whatever the numbers say.
uint8 status
# The device's own counter; 0 where it has none.
uint32 frame
# Host's monotonic clock, ms: when the pose was true, and when its last byte arrived.
float64 measured_ms
float64 arrived_ms
# The device's error figure, mm; NaN where it gives none.
float64 error_mm
# Position in the tracker's frame, mm; unit quaternion; tool to tracker.
float64 x
float64 y
float64 z
float64 qx
float64 qy
float64 qz
float64 qw
`;

const RAW = `# Bytes as they came from or went to the device, one message for each delivery or write.
uint8 RECEIVED=0
uint8 SENT=1
uint8 OPENED=2
uint8 CLOSED=3
uint8 LINE=4
# The host's monotonic clock, ms: when the bytes arrived or were handed over.
float64 at_ms
uint8 kind
# For OPENED, CLOSED and LINE: what happened.
string note
uint8[] data
`;

const IMAGE = `# One image of a live device.
# The host's monotonic clock when it was told, ms.
float64 at_ms
# Which of the device's image sources.
string source
# The device's own counter; 0 where it has none.
uint32 frame
# Host's monotonic clock, ms: when the image was taken, and when its last byte arrived.
float64 measured_ms
float64 arrived_ms
# How far measured_ms can be off, ms; NaN where nobody knows.
float64 bound_ms
# From one column, and from one row, to the next, mm; NaN where unknown.
float64 spacing_x_mm
float64 spacing_y_mm
# How deep the machine looks, mm; NaN where unknown.
float64 depth_mm
uint16 width
uint16 height
# Numbers a pixel, interleaved, and bytes of one (1, or 2 little-endian).
uint8 components
uint8 bytes_per_number
# Row by row.
uint8[] data
`;

const json = (name: string, properties: Record<string, unknown>): SchemaText => ({
  name: `trocar.${name}`,
  encoding: 'jsonschema',
  messages: 'json',
  text: JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `trocar.${name}`,
    type: 'object',
    required: ['at', ...Object.keys(properties)],
    properties: { at: { type: 'number', description: "host's monotonic clock, ms" }, ...properties },
  }),
});

const text = { type: 'string' };

/** The schema of each kind of channel. */
export const SCHEMAS: Readonly<Record<ChannelKind | 'events', SchemaText>> = {
  poses: { name: 'trocar/Poses', encoding: 'ros1msg', messages: 'ros1', text: POSES },
  raw: { name: 'trocar/Raw', encoding: 'ros1msg', messages: 'ros1', text: RAW },
  images: { name: 'trocar/Image', encoding: 'ros1msg', messages: 'ros1', text: IMAGE },
  tools: json('Tools', {
    tools: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: text, manufacturer: text, partNumber: text, serial: text },
      },
    },
  }),
  connection: json('Connection', { state: { enum: ['connecting', 'connected', 'disconnected'] }, reason: text }),
  faults: json('Fault', { code: text, message: text }),
  events: json('Event', { name: text, data: {} }),
};

/** `/device/<name>/<kind>` */
export function topicOf(device: string, kind: ChannelKind): string {
  return `/device/${device}/${kind}`;
}

/** The device and kind of a topic; undefined for one that is none of ours. */
export function deviceOf(topic: string): { readonly device: string; readonly kind: ChannelKind } | undefined {
  const match = /^\/device\/([^/]+)\/([a-z]+)$/.exec(topic);
  const kind = match?.[2] === 'images' ? 'images' : KINDS.find((k) => k === match?.[2]);
  return match === null || kind === undefined ? undefined : { device: match[1] as string, kind };
}
