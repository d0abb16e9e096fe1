/** Names of bits and codes, for people and logs: the same facts as the constants in frame.ts and bx2.ts. */

const PORT_BITS: ReadonlyArray<readonly [number, string]> = [
  [0x0001, 'occupied'],
  [0x0002, 'switch1'],
  [0x0004, 'switch2'],
  [0x0008, 'switch3'],
  [0x0010, 'initialised'],
  [0x0020, 'enabled'],
  [0x0040, 'outOfVolume'],
  [0x0080, 'partlyOutOfVolume'],
  [0x0100, 'algorithmLimit'],
  [0x0200, 'infraredInterference'],
  [0x1000, 'processingException'],
  [0x4000, 'fellBehind'],
  [0x8000, 'dataBufferLimit'],
];

const SYSTEM_BITS: ReadonlyArray<readonly [number, string]> = [
  [0x0001, 'commSyncError'],
  [0x0002, 'tooMuchInfrared'],
  [0x0004, 'crcError'],
  [0x0008, 'processingException'],
  [0x0010, 'hardwareFailure'],
  [0x0020, 'hardwareChange'],
  [0x0040, 'portOccupied'],
  [0x0080, 'portUnoccupied'],
  [0x0100, 'diagnosticPending'],
  [0x0200, 'temperature'],
];

const TOOL_INFO_BITS: ReadonlyArray<readonly [number, string]> = [
  [0x01, 'badFit'],
  [0x02, 'tooFewMarkers'],
  [0x04, 'infraredInterference'],
  [0x08, 'fellBehind'],
  [0x80, 'processingException'],
];

function namesOf(bits: number, table: ReadonlyArray<readonly [number, string]>): string[] {
  const names: string[] = [];
  let rest = bits;
  for (const [bit, name] of table) {
    if ((bits & bit) === 0) continue;
    names.push(name);
    rest &= ~bit;
  }
  // What has no name is told too.
  for (let bit = 0; rest !== 0 && bit < 32; bit += 1) {
    if ((rest & (1 << bit)) === 0) continue;
    names.push(`bit${bit}`);
    rest &= ~(1 << bit);
  }
  return names;
}

/** The bits of a port status (PHSR, PHINF, TX, BX) by name, lowest first; `bitN` where a bit has none. */
export const portStatusNames = (bits: number): string[] => namesOf(bits, PORT_BITS);
/** The bits of a system status (TX, BX, GX) by name. */
export const systemStatusNames = (bits: number): string[] => namesOf(bits, SYSTEM_BITS);
/** The bits of the tool information byte (option 0002) by name; the face that was used (bits 4 … 6) is not one. */
export const toolInfoNames = (bits: number): string[] => namesOf(bits & 0x8f, TOOL_INFO_BITS);

/** What option 0002 says of each marker, by its nibble. */
export const MARKER_STATES: readonly string[] = [
  'missing',
  'beyondMaximumAngle',
  'beyondMaximumError',
  'used',
  'usedOutOfVolume',
  'outOfVolume',
];

/** Frame types of BX2, by number. */
export const FRAME_TYPES: readonly string[] = [
  'dummy',
  'activeWireless',
  'passive',
  'active',
  'laser',
  'illuminated',
  'background',
  'magnetic',
];

/** Codes of a 6D status, by number. */
export const SIX_D_CODES: Readonly<Record<number, string>> = {
  0: 'ok',
  3: 'partlyOutOfVolume',
  5: 'partlyAveraged',
  9: 'outOfVolume',
  13: 'tooFewMarkers',
  14: 'infraredInterference',
  17: 'badFit',
  18: 'dataBufferLimit',
  19: 'algorithmLimit',
  20: 'fellBehind',
  21: 'outOfSync',
  22: 'processingError',
  31: 'missing',
  32: 'notEnabled',
  33: 'unplugged',
};

/** Codes of a 3D status, by number. */
export const THREE_D_CODES: readonly string[] = [
  'ok',
  'missing',
  'offAngle',
  'badFit',
  'outOfVolume',
  'usedOutOfVolume',
  'phantom',
  'saturated',
  'saturatedOutOfVolume',
];

const FAULTS: Readonly<Record<number, string>> = {
  1: 'a fatal parameter error',
  2: 'a sensor parameter error',
  3: 'its main voltage is out of range',
  4: 'a sensor voltage is out of range',
  5: 'an illuminator voltage is out of range',
  6: 'an illuminator current is out of range',
  7: 'the temperature of its left sensor is out of range',
  8: 'the temperature of its right sensor is out of range',
  9: 'its main temperature is out of range',
  10: 'a sensor failed',
};

const ALERTS: Readonly<Record<number, string>> = {
  1: 'its battery is low',
  2: 'it was bumped: have its accuracy checked',
  3: 'its firmware does not fit together',
  4: 'a parameter error that is not fatal',
  5: 'its flash memory is full',
  6: 'the battery of its laser is low',
  7: 'it was stored outside its temperature range',
  8: 'it is too hot',
  9: 'it is too cold',
  10: 'its system control unit is gone',
  11: 'its power supply is gone',
  12: 'its field generator is gone',
  13: 'its hardware changed',
  14: 'its clock lost or changed its PTP synchronisation',
  15: 'a fault of its video camera',
  17: 'it runs in safe mode',
};

const EVENTS: Readonly<Record<number, string>> = {
  1: 'a tool was plugged in',
  2: 'a tool was pulled out',
  3: 'a sensor interface unit was plugged in',
  4: 'a sensor interface unit was pulled out',
  5: 'its hardware changed',
  6: 'its PTP master changed',
};

/** Kinds of a BX2 alert, by number. */
export const ALERT_KINDS: readonly string[] = ['fault', 'alert', 'event'];

/** What a BX2 alert means, as the end of a sentence about the tracker. */
export function alertMeaning(type: number, code: number): string {
  const table = [FAULTS, ALERTS, EVENTS][type] ?? {};
  return table[code] ?? `${ALERT_KINDS[type] ?? `message of kind ${type},`} ${code}, which has no name here`;
}
