/** A planted identifier. */
export interface Planted {
  readonly text: string;
  readonly where: string;
}

/** Writes identifiers and remembers them. */
export class Planter {
  readonly planted: Planted[] = [];

  text(where: string, form: (n: number) => string): string {
    const text = form(this.planted.length + 1);
    this.planted.push({ text, where });
    return text;
  }
}

const NAMES = [
  'Okonkwo',
  'Lindqvist',
  'Abernathy',
  'Szczepanski',
  'Fitzwilliam',
  'Ganguly',
  'Thorvaldsen',
  'Mbeki',
  'Castellanos',
  'Yamashiro',
];

/** A different, plausible identifier for each number and VR. */
export function valueFor(vr: string, n: number): string {
  const name = `${NAMES[n % NAMES.length]}${String.fromCharCode(97 + (n % 26))}${String.fromCharCode(97 + (Math.floor(n / 26) % 26))}`;
  switch (vr) {
    case 'PN':
      return `${name}^Q${n}uentin`;
    case 'DA':
      return `19${String(31 + (n % 60)).padStart(2, '0')}${String(1 + (n % 12)).padStart(2, '0')}${String(1 + (n % 28)).padStart(2, '0')}`;
    case 'DT':
      return `${valueFor('DA', n)}1${n % 10}2233.${String(100000 + n)}`;
    case 'UI':
      return `1.3.6.1.4.1.99999.${7000 + n}.${n * 7919}`;
    case 'AE':
      return `AE_${name.slice(0, 8)}${n}`;
    case 'SH':
      return `${name.slice(0, 7)}-${4000 + n}`;
    case 'UR':
      return `https://pacs.${name.toLowerCase()}${n}.example/wado`;
    default:
      return `${name} no. ${100000 + n * 37}`;
  }
}
