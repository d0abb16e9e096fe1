import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, catalogueFaults, sourceCatalogue } from '@trocar/core/text';
import { describe, expect, it } from 'vitest';
import * as ablationEn from '../../examples/ct-liver-ablation/page/texts/en.js';
import * as liveEn from '../../examples/live-session/page/texts/en.js';
import * as biopsyEn from '../../examples/mr-us-biopsy/page/texts/en.js';
import * as navigationEn from '../../examples/phantom-navigation/page/texts/en.js';
import * as suiteEn from '../../examples/suite/page/texts/en.js';
import { ROOT } from '../../scripts/lib/host.mjs';
import { trackedFiles } from '../_tracked-files.js';
import { looseTexts } from './_page-texts.js';

/** Pages whose every text stands in catalogues, and the English ones of each. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  suite: suiteEn.EN,
  'ct-liver-ablation': ablationEn.EN,
  'phantom-navigation': navigationEn.EN,
  'mr-us-biopsy': biopsyEn.EN,
  'live-session': liveEn.EN,
};

/** Texts of pages that are in no catalogue, and why. */
const ALLOWED: Readonly<Record<string, string>> = {
  Trocar: 'the name of the software',
  '#steps li[data-step="{}"]': 'a selector',
  mm: 'a unit',
  'The registration was stopped.': 'an error of the program, shown marked as English',
  'Landmark {} was touched {} mm from where the registration puts it.': 'goes into the log, which is written in one language',
  'The worker did not start.': 'an error of the program, shown marked as English',
  'The reference has moved.': 'goes into the log, which is written in one language',
  'Registered again on request.': 'goes into the log, which is written in one language',
  'That the burn begins could not be kept, so it did not begin. Look at the line about the session above.':
    'a refusal: shown marked as English, as those of the procedure',
};

/** Texts of the renderer that are drawn nowhere, and why. */
const NOT_DRAWN: readonly (readonly [text: RegExp, why: string])[] = [
  [/\/stage-keys\.ts:/, 'what keys do, for an application that lists them'],
  [/: (?:Setting|Showing|Fusing|Rendering|Adding|Starting|Placing|Cutting)\b/, 'what was being done, in an error'],
  [/: (?:a|one of) (?:\{\}$|finite|colour|number)/, 'what was expected, in an error'],
  [/instrument-description\.ts:\d+: (?:The|A) /, 'what is wrong, in an error'],
  [/: (?:#[0-9a-f]{6}|EXT_\w+|Shift\+\{\})$/, 'a colour, an extension of WebGL, a key'],
  [/: [^:]*sans-serif$|: system-ui/, 'fonts'],
  [/glyph-line\.ts:\d+: LRPASI/, 'the patient’s directions: the same in every language'],
];

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const files = trackedFiles();
const isSource = (path: string): boolean => path.endsWith('.ts') && !/\.test\.ts$|test-support/.test(path);

/** The texts of files that stand in no catalogue: `file:line: text`. */
function loose(paths: readonly string[], known: ReadonlySet<string>, drawn = false): string[] {
  return paths.flatMap((path) =>
    looseTexts(path, read(path), drawn).flatMap(({ line, text }) => (known.has(text) ? [] : [`${path}:${line}: ${text}`])),
  );
}

/** The scripts of India that a catalogue of each language has no letter of. The danda is Devanagari's and everybody's. */
const OTHER_SCRIPTS: Readonly<Record<string, RegExp>> = {
  hi: /[\u0980-\u0aff]/,
  bn: /[\u0900-\u0963\u0966-\u097f\u0a80-\u0aff]/,
  gu: /[\u0900-\u09ff]/,
};

async function othersOf(page: string): Promise<Catalogue[]> {
  return Promise.all(
    ['hi', 'bn', 'gu'].map(async (language) => {
      const made = (await import(`../../examples/${page}/page/texts/${language}.ts`)) as Record<string, Record<string, string>>;
      return { language, name: language, reviewed: false, messages: made[language.toUpperCase()] as Record<string, string> };
    }),
  );
}

describe('what people read', () => {
  for (const [page, en] of Object.entries(PAGES)) {
    const sources = files.filter((f) => f.startsWith(`examples/${page}/page/`) && isSource(f) && !f.includes('/texts/'));

    it(`of the page ${page} stands in its catalogue`, () => {
      expect(sources.length).toBeGreaterThan(5);
      expect(loose(sources, new Set([...en, ...Object.keys(ALLOWED)]))).toEqual([]);
    });

    it(`of the page ${page} is there in every language, with its placeholders, and is said somewhere`, async () => {
      for (const other of await othersOf(page)) {
        expect(catalogueFaults(sourceCatalogue(en), other)).toEqual([]);
        for (const text of Object.values(other.messages)) expect(text).not.toMatch(OTHER_SCRIPTS[other.language] as RegExp);
      }
      const said = [
        ...files.filter((f) => f.startsWith(`examples/${page}/`) && isSource(f) && !f.includes('/texts/')).map(read),
      ].join('\n');
      // A single word may be one that the program says of itself: a tool, a step, a status.
      const unused = en.filter((text) => !/^[a-z]+$/i.test(text) && !said.includes(`'${text}'`) && !said.includes(`"${text}"`));
      expect(unused).toEqual([]);
    });
  }

  it('of a procedure is offered in every language', () => {
    for (const page of Object.keys(PAGES).filter((p) => p !== 'suite'))
      expect(read(`examples/${page}/page/shell.ts`), page).toMatch(/languages: true|languageMenu\(\)/);
  });

  it('of pages’ HTML is a title and nothing else', () => {
    const pages = files.filter((f) => /^examples\/[^/]+\/page\/index\.html$/.test(f));
    expect(pages.length).toBeGreaterThan(2);
    for (const path of pages) {
      const html = read(path);
      expect(html, path).toMatch(/<html lang="en">/);
      expect(html.replace(/<title>[^<]*<\/title>|<style>[\s\S]*?<\/style>|<[^>]*>|\s/g, ''), path).toBe('');
      expect(html, path).not.toMatch(/\s(?:aria-label|title|placeholder|alt)=/);
    }
  });

  it('of a report stands in its texts', () => {
    const catalogue = /\/(?:text|handout)(?:-[a-z]+)?\.ts$/;
    const sources = files.filter((f) => f.startsWith('packages/core/src/session/report/') && isSource(f) && !catalogue.test(f));
    expect(sources.length).toBeGreaterThan(6);
    const symbols = new Set(['mm', 'mL', 'ms', '°']);
    const style = (found: string): boolean => /\/style\.ts:|default-src/.test(found);
    expect(loose(sources.concat('packages/core/src/session/report/handout.ts'), symbols).filter((f) => !style(f))).toEqual([]);
  });

  it('of a reading is digits and symbols', () => {
    const sources = ['packages/core/src/guidance/format.ts', 'packages/core/src/guidance/format-style.ts'];
    expect(loose(sources, new Set())).toEqual([]);
  });

  it('of what is drawn into pictures stands in one record of words', () => {
    const drawn = files.filter((f) => f.startsWith('packages/core/src/render/') && isSource(f) && !f.endsWith('/words.ts'));
    expect(drawn.length).toBeGreaterThan(90);
    const found = loose(drawn, new Set(), true);
    expect(found.filter((line) => !NOT_DRAWN.some(([text]) => text.test(line)))).toEqual([]);
    for (const [text, why] of NOT_DRAWN)
      expect(
        found.some((line) => text.test(line)),
        why,
      ).toBe(true);
  });

  it('of style sheets is signs', () => {
    const sheets = files.filter((f) => /^examples\/[^/]+\/page\/.*\.css$/.test(f));
    expect(sheets.length).toBeGreaterThan(2);
    const said = sheets.flatMap((f) => read(f).match(/content: "[^"]*\p{L}[^"]*"/gu) ?? []);
    expect(said).toEqual([]);
  });
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are sources
describe('the search for such texts', () => {
  const found = (source: string): string[] => looseTexts('x.ts', source).map(({ text }) => text);

  it('finds them wherever a page may put them', () => {
    expect(found("h('p', { class: 'a b' }, 'none')")).toEqual(['none']);
    expect(found("h('p', {}, known ? 'held' : t('lost'))")).toEqual(['held']);
    expect(found("h('b', { title: 'what', id: 'x y' })")).toEqual(['what']);
    expect(found("setText(at, 'stale')")).toEqual(['stale']);
    expect(found('setText(at, `${n} more`)')).toEqual(['{} more']);
    expect(found("at.textContent = 'gone'; at.title = `off ${x}`;")).toEqual(['gone', 'off {}']);
    expect(found("at.setAttribute('aria-label', 'tools')")).toEqual(['tools']);
    expect(found("const A = { id: 'report', label: 'report' }")).toEqual(['report']);
    expect(found("say('This is a sentence.'); note(x, 'This is a sentence.')")).toEqual(['This is a sentence.']);
    expect(found("at.innerHTML = '<p>Not a word.</p>'")).toEqual(['<p>Not a word.</p>']);
    expect(looseTexts('x.tsx', 'const a = <p title="Tools">Seen</p>;').map(({ text }) => text)).toEqual(['Tools', 'Seen']);
  });

  it('finds words that are drawn, and no shader', () => {
    const drawn = (source: string): string[] => looseTexts('x.ts', source, true).map(({ text }) => text);
    expect(drawn("label.set('STALE', style); const w = { open: 'GATE' }; at = `TIP ${x}`;")).toEqual(['STALE', 'GATE', 'TIP {}']);
    expect(
      drawn("const S = `uniform vec3 uOne;\n#ifdef SLAB\n`; setDefine(m, 'SLAB', on); requireSameFrame(a, b, 'Showing it')"),
    ).toEqual([]);
    expect(found("label.set('STALE', style)")).toEqual([]);
  });

  it('leaves alone what nobody reads', () => {
    expect(found("import { a } from 'the module'; h('p', { class: 'quiet big', role: 'alert' }, t('Find entries'))")).toEqual([]);
    expect(found("if (stage === 'plan b') go(x['a key']); throw new Error('Nothing was given.');")).toEqual([]);
    expect(found("at.querySelector('.a .b'); type A = 'Left side' | 'b'; setText(at, '–'); h('i', {}, '✓ ', `${n} %`)")).toEqual(
      [],
    );
  });
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are sources
