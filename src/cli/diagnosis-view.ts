import type { Diagnosis, Finding } from '../diagnosis/finding.ts';
import type { NodeStatus } from '../readiness.ts';
import { moment } from './moment.ts';
import { quorumSentence } from './node-view.ts';
import type { Paint, Tone } from './paint.ts';

const ORDER = ['error', 'warning', 'note'] as const;
const TONES: Readonly<Record<Finding['severity'], Tone>> = {
  error: 'bad',
  warning: 'warning',
  note: 'faint',
};

/** What `doctor` knows at its end. */
export interface Examined {
  readonly diagnosis: Diagnosis;
  readonly nodes: readonly NodeStatus[];
  readonly quorum: number;
}

/** The findings, the worst first, each with what to do about it. In the end, whether locks can be taken. */
export function diagnosisLines({ diagnosis, nodes, quorum }: Examined, now: Date, paint: Paint): string[] {
  const { findings } = diagnosis;
  return [
    ...groups(findings).flatMap((group) => groupLines(group, nodes, now, paint)),
    summary(findings, paint),
    quorumSentence(nodes, quorum),
  ];
}

type Group = readonly [Finding, ...Finding[]];

/** Findings for which the same has to be done. */
function groups(findings: readonly Finding[]): readonly Group[] {
  const found = new Map<string, [Finding, ...Finding[]]>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.remedy}`;
    const group = found.get(key);
    if (group) group.push(finding);
    else found.set(key, [finding]);
  }
  return [...found.values()];
}

function groupLines(group: Group, nodes: readonly NodeStatus[], now: Date, paint: Paint): string[] {
  const [{ severity, code, remedy }] = group;
  return [
    `${paint({ text: severity, tone: TONES[severity] })}  ${code}`,
    ...group.map((finding) => `  ${subjectOf(finding, nodes)}${inLocalTime(finding.message, now)}`),
    ...(remedy === '' ? [] : [`  What to do: ${remedy}`]),
    '',
  ];
}

function subjectOf({ nodes: concerned }: Finding, all: readonly NodeStatus[]): string {
  if (concerned.length === 0) return '';
  if (concerned.length > 1 && concerned.length === all.length) return 'all nodes: ';
  return `${concerned.join(', ')}: `;
}

/** Messages have times in UTC; everything else that the command line prints is in local time. */
function inLocalTime(message: string, now: Date): string {
  return message.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (time) => moment(new Date(time), now));
}

/** Whether something must be repaired. */
export function hasErrors({ findings }: Diagnosis): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** Such as `1 error, 2 warnings` or `no problems found, 1 note`. */
function summary(findings: readonly Finding[], paint: Paint): string {
  const counts = ORDER.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : `${count} ${severity}${count === 1 ? '' : 's'}`;
  });
  const isFine = findings.every(({ severity }) => severity === 'note');
  return [...(isFine ? [paint({ text: 'no problems found', tone: 'good' })] : []), ...counts].join(', ');
}
