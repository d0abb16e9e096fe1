/**
 * Families by what a system has: those with Devanagari, Bengali and Gujarati letters come after the Latin ones and are taken letter by
 * letter. Noto on Linux and Android, Nirmala on Windows, the others on Apple's.
 */
const FONTS =
  'system-ui, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Gujarati", "Nirmala UI", "Kohinoor Devanagari", "Kohinoor Bangla", "Kohinoor Gujarati", sans-serif';

/** How a report looks, on a screen and on A4. No font is loaded: figures of one width come with the system's. */
export const REPORT_STYLE: string = `
@page { size: A4; margin: 15mm 14mm 17mm; }
* { box-sizing: border-box; }
:root { color-scheme: light; --ink: #16202b; --soft: #566373; --line: #d3dae2; --pale: #f3f6f9; --good: #14603a; --bad: #a3161d; --warn: #855300; }
html { background: #fff; }
body { margin: 0 auto; padding: 10mm 8mm; max-width: 200mm; color: var(--ink); background: #fff;
  font: 10pt/1.45 ${FONTS}; font-variant-numeric: tabular-nums lining-nums; }
header { display: flex; justify-content: space-between; align-items: flex-end; gap: 8mm; border-bottom: 2px solid var(--ink); padding-bottom: 3mm; }
h1 { font-size: 19pt; line-height: 1.15; margin: 0; letter-spacing: -0.01em; text-wrap: balance; }
header p { margin: 0; flex: 0 0 auto; max-width: 55%; text-align: right; color: var(--soft); font-size: 8pt; }
h2 { font-size: 12pt; margin: 7mm 0 2mm; padding-bottom: 1mm; border-bottom: 1px solid var(--line); break-after: avoid; }
h3 { font-size: 10pt; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 1.5mm 0; orphans: 3; widows: 3; }
.columns { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0 7mm; }
.columns h2 { margin-top: 5mm; }
dl { display: grid; grid-template-columns: 72mm 1fr; gap: 0.6mm 4mm; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.columns dl { grid-template-columns: 1fr; gap: 0; }
.columns dt { font-size: 8pt; margin-top: 1.2mm; }
.bound { display: flex; align-items: baseline; flex-wrap: wrap; gap: 1mm 5mm; background: var(--pale); border-left: 3px solid var(--soft); padding: 2.5mm 4mm; margin: 2mm 0 3mm; break-inside: avoid; }
.bound strong { font-size: 17pt; line-height: 1.1; white-space: nowrap; }
.bound .verdict { font-weight: 600; }
.bound.good { border-color: var(--good); } .bound.good .verdict { color: var(--good); }
.bound.bad { border-color: var(--bad); } .bound.bad .verdict { color: var(--bad); }
.bound small { flex-basis: 100%; color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: 2mm 0; font-size: 9pt; }
th { text-align: left; font-weight: 600; font-size: 8pt; color: var(--soft); border-bottom: 1px solid var(--soft); padding: 0 3mm 0.8mm 0; vertical-align: bottom; }
td { padding: 0.9mm 3mm 0.9mm 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
thead { display: table-header-group; } tr { break-inside: avoid; }
.figures { text-align: right; white-space: nowrap; }
.tight { white-space: nowrap; }
.unit { font-weight: 400; }
.alarm { color: var(--bad); font-weight: 700; } .warning { color: var(--warn); font-weight: 600; }
.soft { color: var(--soft); }
.unreviewed { color: var(--warn); font-weight: 600; margin: 3mm 0; }
:lang(hi), :lang(bn), :lang(gu) { line-height: 1.6; }
:lang(hi) h1, :lang(bn) h1, :lang(gu) h1 { line-height: 1.35; }
.bar { width: 42mm; height: 3mm; display: block; margin-top: 0.7mm; }
figure { margin: 0; break-inside: avoid; }
.pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 4mm; }
.pictures figure:only-child { grid-column: 1 / -1; }
img { display: block; width: 100%; max-height: 110mm; object-fit: contain; background: #000; border: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
h2, h3, p, small, figcaption { overflow-wrap: anywhere; }
figcaption { font-size: 8.5pt; color: var(--soft); margin-top: 1mm; }
.hash { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 9pt; word-spacing: 0.12em; }
.id { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 8pt; }
footer { margin-top: 7mm; padding-top: 2mm; border-top: 1px solid var(--line); font-size: 8pt; color: var(--soft); }
@media print { body { padding: 0; max-width: none; font-size: 9.5pt; } .bound, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media screen and (max-width: 640px) { .columns, .pictures, dl { grid-template-columns: 1fr; } header { display: block; } header p { text-align: left; } }
`;

/** The line at the foot of every printed page: whose report it is, and which page of how many. */
export function pageFooter(left: string, page: string): string {
  const quoted = (text: string): string => `"${text.replace(/[^\p{L}\p{M}\p{N}_ .,:·–-]/gu, ' ')}"`;
  const look = 'font: 7.5pt system-ui, sans-serif; color: #566373;';
  return `@page { @bottom-left { content: ${quoted(left)}; ${look} } @bottom-right { content: ${quoted(page)} " " counter(page) " / " counter(pages); ${look} } }`;
}
