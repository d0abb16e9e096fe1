import type { ReportTable } from '@trocar/core/session';
import { sourceCatalogue, TextLanguage, Texts } from '@trocar/core/text';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { isRefusal } from '../../suite/src/refusal.js';
import { phantomCase } from '../src/phantom-case.js';
import { GUN } from '../src/probe.js';
import { KINDS } from '../src/record-kinds.js';
import { HELD_OUT_MARKS, INITIAL_MARKS } from '../src/register-step.js';
import { tablesOf } from '../src/report-tables.js';
import { FEWER_HZ, withDrawnRegistration } from '../src/test-support.js';
import { saidTable, saidText } from './report-words.js';
import { BN } from './texts/bn.js';
import { type BiopsyText, EN } from './texts/en.js';
import { GU } from './texts/gu.js';
import { HI } from './texts/hi.js';

const OTHERS = { hi: HI, bn: BN, gu: GU };
/** Who keeps a record, and when. */
const ACCEPTED = { id: '1', by: 'test', utc: '', line: 1 } as const;
const seed = inject('seed');
const phantom = phantomCase(seed, 1.4);

function telling(language: string) {
  const others = Object.entries(OTHERS).map(([tag, messages]) => ({ language: tag, name: tag, reviewed: false, messages }));
  const texts = new Texts<{ readonly [K in BiopsyText]: K }>(sourceCatalogue(EN), others, new TextLanguage(language));
  return (key: BiopsyText, values: Readonly<Record<string, string>>) => texts.tell(key, values).text;
}

/** Every text of a table, in its order. */
const textsOf = ({ title, columns, rows }: ReportTable): string[] =>
  [title, ...columns.map((c) => c.label), ...rows.flat()].filter((cell) => typeof cell === 'string');

describe('the tables of a biopsy’s report', () => {
  let tables: readonly ReportTable[];

  beforeAll(async () => {
    const sim = withDrawnRegistration(phantom, seed);
    sim.imagesHz = FEWER_HZ;
    const { procedure } = sim;
    sim.checks();
    procedure.acceptEquipment();
    sim.sweep();
    sim.mark(INITIAL_MARKS);
    await procedure.register();
    procedure.acceptRegistration();
    sim.mark(HELD_OUT_MARKS);
    procedure.verify();
    sim.aimAt(phantom.given.lesions[0]?.name ?? '');
    expect(isRefusal(sim.fire())).toBe(false);
    tables = tablesOf(procedure, {
      records: [{ ...ACCEPTED, kind: KINDS.sweep, value: { frames: 131, lengthMm: 52, widestGapMm: 1.3 } }],
    });
  });

  it('are in English what the procedure made them', () => {
    expect(tables.map((table) => saidTable(table, telling('en')))).toEqual(tables);
  });

  for (const language of Object.keys(OTHERS)) {
    it(`have no English word but names: ${language}`, () => {
      // Of what is left in Latin letters: what the images, the data sheet and the log call things, and symbols.
      const names = [GUN.name, 'script', 'drawn', ...phantom.given.lesions.map(({ name }) => name)];
      const symbols = /\b(?:MR|UTC|rms|mm|ms)\b/g;
      for (const text of tables.flatMap((table) => textsOf(saidTable(table, telling(language))))) {
        const rest = names.reduce((left, name) => left.replaceAll(name, ''), text).replace(symbols, '');
        expect(rest.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, ''), text).not.toMatch(/[A-Za-z]{2,}/);
      }
    });
  }

  it('keep their figures and what they are of', () => {
    const tell = telling('hi');
    expect(saidText('Bead 3, off its known place', tell)).toMatch(/3/);
    expect(saidText('Registration at "left mid PZ", 95 %, with 0.7 mm per axis for tissue; limit 4 mm', tell)).toMatch(
      /"left mid PZ".*0\.7 mm.*4 mm/,
    );
    const [cores] = tables as [ReportTable];
    const said = saidTable(cores, tell);
    expect(said.kind).toBe(cores.kind);
    expect(said.columns.map((c) => c.unit)).toEqual(cores.columns.map((c) => c.unit));
    expect(said.rows.flat().filter((cell) => typeof cell === 'number')).toEqual(
      cores.rows.flat().filter((cell) => typeof cell === 'number'),
    );
    const side = phantom.given.lesions[0]?.side as 'left';
    expect(said.rows[0]).toContain(HI[side]);
  });
});
