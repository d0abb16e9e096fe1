/** What ERRORnn replies mean, by their two hex digits (Combined API guide; NDI samples agree). */
const ERRORS: Readonly<Record<string, string>> = {
  '01': 'invalid command',
  '02': 'command too long',
  '03': 'command too short',
  '04': 'the CRC of the command is wrong',
  '05': 'the command timed out',
  '06': 'the communication parameters could not be set',
  '07': 'wrong number of parameters',
  '08': 'invalid port handle',
  '09': 'invalid tracking priority',
  '0A': 'invalid LED',
  '0B': 'invalid LED state',
  '0C': 'the command is not allowed in this mode',
  '0D': 'no tool is assigned to the port handle',
  '0E': 'the port handle is not initialised',
  '0F': 'the port handle is not enabled',
  '10': 'the system is not initialised',
  '11': 'tracking could not be stopped',
  '12': 'tracking could not be started',
  '13': 'the tool could not be initialised',
  '14': 'invalid sensor parameters',
  '15': 'the system could not be initialised',
  '16': 'diagnostics could not be started',
  '17': 'diagnostics could not be stopped',
  '18': 'the environment could not be checked for infrared light',
  '19': 'the firmware version does not allow it',
  '1A': 'internal device error',
  '1C': 'the marker signature could not be set',
  '1E': 'the tool memory could not be read',
  '1F': 'the tool memory could not be written',
  '21': 'the current test of the tool failed',
  '22': 'no such wavelength',
  '23': 'a parameter is out of range',
  '24': 'no such volume',
  '25': 'the features could not be read',
  '28': 'too many tools',
  '2A': 'the device is out of memory',
  '2B': 'the port handle is not allocated',
  '2C': 'the port handle is unoccupied',
  '2D': 'no port handles are left',
  '2E': 'incompatible firmware',
  '2F': 'invalid port description',
  '30': 'the port already has a handle',
  '32': 'invalid operation for this tool',
  '33': 'the feature is not available',
  '34': 'no such parameter',
  '35': 'the parameter has another type',
  '36': 'the value is out of range',
  '37': 'the index is out of range',
  '38': 'the value has the wrong size',
  '39': 'permission denied',
  '3B': 'no such file',
  '3C': 'the file could not be written',
  '3D': 'the file could not be read or removed',
  '40': 'the tool file is not valid',
  '41': 'too many markers, faces or groups',
  '42': 'the device is absent',
  F1: 'too much environmental infrared light',
  F4: 'flash memory could not be erased',
  F5: 'flash memory could not be written',
  F6: 'flash memory could not be read',
};

const WARNINGS: Readonly<Record<string, string>> = {
  '01': 'possible hardware fault',
  '02': 'the tool breaks the unique-geometry rules',
  '03': 'the tool is incompatible with others that are loaded',
  '04': 'the tool breaks the unique-geometry rules and is incompatible with others',
  '05': 'no wavelength was given',
  '06': 'the system was initialised with a warning',
};

/** What a short reply says. */
export type ReplyWord =
  | { readonly word: 'okay' | 'reset' }
  | { readonly word: 'error' | 'warning'; readonly code: string; readonly meaning: string }
  | { readonly word: 'data' };

/** Tells OKAY, RESET, WARNING and ERROR from a reply that carries data. @param text without CRC and CR */
export function replyWord(text: string): ReplyWord {
  if (text === 'OKAY') return { word: 'okay' };
  if (text === 'RESET') return { word: 'reset' };
  const match = /^(ERROR|WARNING)([0-9A-F]{2})?$/.exec(text);
  if (match === null || (match[1] === 'ERROR' && match[2] === undefined)) return { word: 'data' };
  const code = match[2] ?? '';
  return match[1] === 'ERROR'
    ? { word: 'error', code, meaning: ERRORS[code] ?? 'an error this driver does not know' }
    : { word: 'warning', code, meaning: WARNINGS[code] ?? 'the device asks for attention' };
}
