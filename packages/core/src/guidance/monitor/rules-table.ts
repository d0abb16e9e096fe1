import type { AlarmDeadline, AlarmRule } from './rules.js';

/** A deadline in words. */
function deadlineText(deadline: AlarmDeadline): string {
  switch (deadline.kind) {
    case 'after':
      return deadline.ms >= 1000 ? `${deadline.ms / 1000} s` : `${deadline.ms} ms`;
    case 'period-and':
      return `one period + ${deadline.ms} ms`;
    case 'before-acceptance':
      return 'before acceptance';
    default:
      return 'at the first look';
  }
}

/** The rules as a Markdown table: hazard → rule → deadline → test. */
export function printedRules(rules: readonly AlarmRule[]): string {
  const head = ['| hazard | rule | raised when | priority | deadline | test |', '|---|---|---|---|---|---|'];
  const lines = rules.map((r) => {
    const priority = r.latching ? `${r.priority}, latching` : r.priority;
    return `| ${r.hazard} | \`${r.id}\` | ${r.when} | ${priority} | ${deadlineText(r.deadline)} | \`${r.test}\` |`;
  });
  return [...head, ...lines].join('\n');
}
