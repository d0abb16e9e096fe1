import type { FaultResult } from './faults/inject.js';
import type { Accuracy, Limits } from './protocol.js';
import { scatterOf } from './scatter.js';

/** What stands at the head of a report. */
export interface ReportFacts {
  readonly madeAt: string;
  /** Simulated with which seed, or recorded where. */
  readonly source: string;
  readonly keyFingerprint: string;
  readonly keyMadeForThisReport: boolean;
  readonly limits: Limits;
}

const STYLE = `
@page { size: A4; margin: 15mm 14mm; }
* { box-sizing: border-box; }
:root { color-scheme: light; --ink: #16202b; --soft: #566373; --line: #d3dae2; --pale: #f3f6f9; --good: #14603a; --bad: #a3161d; }
body { margin: 0 auto; padding: 10mm 8mm; max-width: 200mm; color: var(--ink); background: #fff; font: 10pt/1.45 system-ui, "Segoe UI", Arial, sans-serif; font-variant-numeric: tabular-nums lining-nums; }
header { display: flex; justify-content: space-between; align-items: flex-end; gap: 8mm; border-bottom: 2px solid var(--ink); padding-bottom: 3mm; }
h1 { font-size: 19pt; line-height: 1.15; margin: 0; }
header p { margin: 0; text-align: right; color: var(--soft); font-size: 8pt; }
h2 { font-size: 12pt; margin: 6mm 0 2mm; padding-bottom: 1mm; border-bottom: 1px solid var(--line); break-after: avoid; }
.verdict { background: var(--pale); border-left: 3px solid var(--good); padding: 2.5mm 4mm; margin: 4mm 0; }
.verdict.bad { border-color: var(--bad); }
.verdict strong { font-size: 15pt; color: var(--good); } .verdict.bad strong { color: var(--bad); }
.verdict ul { margin: 1mm 0 0; padding-left: 5mm; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; break-inside: avoid; }
th { text-align: left; font-weight: 600; font-size: 8pt; color: var(--soft); border-bottom: 1px solid var(--soft); padding: 0 3mm 0.8mm 0; vertical-align: bottom; }
td { padding: 0.9mm 3mm 0.9mm 0; border-bottom: 1px solid var(--line); }
th.n, td.n { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.two { display: grid; grid-template-columns: 1fr 74mm; gap: 8mm; align-items: start; }
figure { margin: 2mm 0 0; break-inside: avoid; } svg { display: block; width: 100%; height: auto; }
code { font-size: 8.5pt; } .late { color: var(--bad); }
figcaption, .soft { color: var(--soft); font-size: 8.5pt; }
footer { margin-top: 6mm; padding-top: 2mm; border-top: 1px solid var(--line); font-size: 8pt; color: var(--soft); }
@media print { body { padding: 0; max-width: none; font-size: 9pt; } h2 { margin-top: 4mm; } .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@media screen and (max-width: 640px) { .two { grid-template-columns: 1fr; } header { display: block; } header p { text-align: left; } }
`;

/** The report: one HTML file without scripts, fonts or anything from elsewhere. */
export function reportHtml(a: Accuracy, facts: ReportFacts, faults: readonly FaultResult[] = []): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Phantom accuracy</title><style>${STYLE}</style></head><body>
<header><h1>Phantom accuracy</h1><p>${escaped(facts.madeAt)}<br>${escaped(facts.source)}</p></header>
${verdict(a, faults)}
<div class="two"><div>
<h2>Test divots, single touches</h2>
${table(
  ['', ['limit', 'mm'], ['measured', 'mm']],
  [
    ['error of a touch, 95 %', mm(facts.limits.test95Mm), mm(a.points.p95)],
    ['rms', '', mm(a.points.rms)],
    ['mean ± SD', '', `${mm(a.points.mean)} ± ${mm(a.points.sd)}`],
    ['largest', '', mm(a.points.max)],
    ['bias (length of the mean error)', mm(facts.limits.biasMm), mm(a.biasMm)],
    ['precision (rms about each divot)', '', mm(a.precisionMm)],
    ['distances between divots, rms', mm(facts.limits.distanceRmsMm), mm(a.distances.rms)],
    ['distances, mean ± SD', '', `${mm(a.distances.mean)} ± ${mm(a.distances.sd)}`],
  ],
)}
<p class="soft">${a.points.count} touches of ${a.tre.count} divots that were not used to register, ${a.distances.count} distances.</p>
</div><figure>${scatterOf(a.touches, facts.limits.test95Mm)}<figcaption>Errors of single touches in the phantom's x and y. The circle is the limit.</figcaption></figure></div>
<h2>By the lean of the pointer</h2>
${table(
  ['lean from the way out', ['touches', ''], ['bias', 'mm'], ['rms', 'mm'], ['95 %', 'mm'], ['largest', 'mm']],
  a.byLean.map((l) => [
    `${l.leanDeg}°`,
    String(l.figures.count),
    mm(l.biasMm),
    mm(l.figures.rms),
    mm(l.figures.p95),
    mm(l.figures.max),
  ]),
)}
<p class="soft">Angle sensitivity ${mm(a.angleSensitivityMm)} mm: half of how far the measured place moves between leans to opposite sides, over the sine of the lean. The tip's own error across the shaft shows here, with what is left of touching.</p>
<h2>What it rests on</h2>
${table(
  [],
  [
    [
      `static noise of the marker, rms (largest) over ${String(a.staticNoise.poses)} poses`,
      `${mm(a.staticNoise.positionRmsMm)} (${mm(a.staticNoise.peakMm)}) mm`,
    ],
    ['pivot calibration: error of the tip, 95 %', `${mm(a.pivot.tip95Mm)} mm`],
    ['registration: expected error at the test divots, rms', `${mm(a.expectedTreRmsMm)} mm`],
    ['registration: error found there, rms of the divots’ means', `${mm(a.tre.rms)} mm`],
    ['registration: FRE, which is neither', `${mm(a.registration.freMm)} mm`],
    ['scale, phantom to tracker (± SD)', `${a.registration.scale.toFixed(4)} ± ${a.registration.scaleSd.toFixed(4)}`],
    ['findings', [...a.pivot.findings, ...a.registration.findings].map(escaped).join(', ') || 'none'],
  ],
)}
${faultSection(faults)}<footer>After the protocol of ASTM F2554 for the positional accuracy of computer-assisted surgical systems; not a certificate of conformance.
Signed with the Ed25519 key ${facts.keyFingerprint}${facts.keyMadeForThisReport ? ', made for this report: it shows that nothing changed since, not who made it' : ''}; see signature.json. Not a medical device.</footer>
</body></html>
`;
}

function verdict(a: Accuracy, faults: readonly FaultResult[]): string {
  const missed = faults.filter((f) => !f.inTime).map((f) => `Fault injection: the answer to "${f.fault}" was not as it must be.`);
  const list = [...a.failures, ...missed].map((f) => `<li>${escaped(f)}</li>`).join('');
  const good = list === '';
  return `<div class="verdict${good ? '' : ' bad'}"><strong>${good ? 'Within all limits' : 'Not within the limits'}</strong>${list && `<ul>${list}</ul>`}</div>`;
}

/** What alarms answered to faults. Without any, that it was not tried. */
function faultSection(faults: readonly FaultResult[]): string {
  if (faults.length === 0) return '<h2>Fault injection</h2><p class="soft">No fault was injected.</p>';
  const rows = faults.map((f) => [
    escaped(f.fault),
    f.alarm === 'none' ? 'none may come' : `<code>${escaped(f.alarm)}</code>`,
    escaped(f.deadline) || '–',
    f.afterMs === null ? '–' : f.afterMs.toFixed(0),
    f.inTime
      ? 'yes'
      : `<strong class="late">no</strong>${f.raised.length > 0 ? `: ${escaped([...new Set(f.raised)].join(', '))}` : ''}`,
  ]);
  const head = ['fault', ['alarm', ''], ['deadline', ''], ['came after', 'ms'], ['as it must be', '']] as const;
  return `<h2>Fault injection</h2>
${table(head, rows)}
<p class="soft">A whole station in virtual time: driver, calibration, registration and monitor, fed with the same recorded poses of the pointer. Reference, second body, the tracker's clock and the scanner are simulated about them. A dash: the alarm has no moment; it must stand before anything is accepted, or at the first look after a restart.</p>
`;
}

/** The first column is words, the others figures. */
function table(head: readonly (string | readonly [string, string])[], rows: readonly (readonly string[])[]): string {
  const th = head.map((h) => (typeof h === 'string' ? `<th>${h}</th>` : `<th class="n">${h[0]}${h[1] && ` (${h[1]})`}</th>`));
  const tr = rows.map((r) => `<tr>${r.map((c, k) => (k === 0 ? `<td>${c}</td>` : `<td class="n">${c}</td>`)).join('')}</tr>`);
  const thead = th.length === 0 ? '' : `<thead><tr>${th.join('')}</tr></thead>`;
  return `<table>${thead}<tbody>${tr.join('')}</tbody></table>`;
}

const mm = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : '–');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/gu, (c) => ENTITIES[c] as string);
