import { describe, expect, it } from 'vitest';
import {
  alertMeaning,
  knowsBx2,
  parseParameterInfo,
  parseParameters,
  parsePortFacts,
  parsePortHandles,
  parsePortInfo,
  parsePortStats,
  portStatusNames,
  systemStatusNames,
} from './index.js';

describe('port handles', () => {
  it('are listed', () => {
    expect(parsePortHandles('00')).toEqual([]);
    expect(parsePortHandles('0201011020119')?.map((h) => h.status.toString(16))).toBeUndefined();
    expect(parsePortHandles('020101102011')).toEqual([
      { handle: 1, status: 0x011 },
      { handle: 2, status: 0x011 },
    ]);
    expect(parsePortHandles('ERROR08')).toBeUndefined();
    expect(parsePortInfo('UNOCCUPIED')).toBe('unoccupied');
    expect(parsePortInfo('short')).toBeUndefined();
  });

  it('say all that PHINF can: every combination of blocks, and none that is cut', () => {
    const blocks = ['02000001NDI         0013318FC101F', '00000000', 'Generic Twin 5D     ', '0F', '29', 'A4-X0118100101', '03'];
    for (let options = 1; options < 128; options += 1) {
      const text = blocks.filter((_, i) => (options & (1 << i)) !== 0).join('');
      const facts = parsePortFacts(text, options);
      if (facts === undefined || facts === 'unoccupied') throw new Error(text);
      expect(Object.keys(facts)).toHaveLength(blocks.filter((_, i) => (options & (1 << i)) !== 0).length);
      expect(parsePortFacts(text.slice(1), options)).toBeUndefined();
      // A device that knows no GPIO leaves it out, and only that.
      if (options < 64) expect(parsePortFacts(text, options | 0x40)).toEqual(facts);
    }
    expect(parsePortFacts('', 0x40)).toBeUndefined();
    expect(parsePortFacts(blocks.join(''), 0x7f)).toEqual({
      basic: { mainType: 2, toolType: '02000001', manufacturer: 'NDI', revision: '001', serial: '3318FC10', status: 0x1f },
      currentTest: '00000000',
      partNumber: 'Generic Twin 5D',
      accessories: 0x0f,
      markerType: 0x29,
      location: { device: 'A4-X0118', systemType: '1', toolType: '0', port: '01', channel: '01' },
      gpio: 3,
    });
  });

  it('of the first generation are three lines', () => {
    expect(parsePortStats('00NDI         00033B348003F\nUNOCCUPIED\nUNOCCUPIED\n')).toEqual([
      { toolType: '00', manufacturer: 'NDI', revision: '000', serial: '33B34800', status: 0x3f },
      'unoccupied',
      'unoccupied',
    ]);
    expect(parsePortStats('UNOCCUPIED\nUNOCCUPIED\n')).toBeUndefined();
    expect(parsePortStats('short\nUNOCCUPIED\nUNOCCUPIED\n')).toBeUndefined();
  });
});

describe('parameters', () => {
  it('are read from GET and GETINFO', () => {
    expect(parseParameters('Info.Timeout.PINIT=5\nParam.X=a=b\n')).toEqual([
      { name: 'Info.Timeout.PINIT', value: '5' },
      { name: 'Param.X', value: 'a=b' },
    ]);
    expect(parseParameters('no value')).toBeUndefined();
    expect(parseParameterInfo('Param.Laser=0;2;3;0;1;off,on;switches the laser; at once\n')).toEqual([
      {
        name: 'Param.Laser',
        value: '0',
        type: '2',
        attribute: '3',
        minimum: '0',
        maximum: '1',
        enumeration: 'off,on',
        description: 'switches the laser; at once',
      },
    ]);
    expect(parseParameterInfo('Param.Laser=0;2')).toBeUndefined();
  });

  it.each([
    ['G.003.001', true],
    ['G.003', true],
    ['G.012.000', true],
    ['H.001.000', true],
    ['G.002.009', false],
    ['D.001.007', false],
    ['3.1', false],
    ['', false],
  ])('API revision "%s" knows BX2: %s', (text, knows) => {
    expect(knowsBx2(text)).toBe(knows);
  });

  it('and bits without a name are named by their place', () => {
    expect(portStatusNames(0x2431)).toEqual(['occupied', 'initialised', 'enabled', 'bit10', 'bit13']);
    expect(systemStatusNames(0)).toEqual([]);
    expect(alertMeaning(1, 2)).toMatch(/bumped/);
    expect(alertMeaning(1, 99)).toMatch(/99/);
    expect(alertMeaning(7, 1)).toMatch(/kind 7/);
  });
});
