import { fetchFiles } from '../../suite/page/link.js';
import type { AblationCase } from '../src/case.js';
import type { ToolName } from '../src/frames.js';
import type { PlanDemands } from '../src/plan-step.js';
import type { PostCt } from '../src/post-ct.js';
import { unpackCase, unpackPost } from '../src/volume-file.js';

/** What the server of this example tells of the case. */
export interface CaseFacts {
  readonly demands: PlanDemands;
  readonly fast: boolean;
  readonly covered: readonly ToolName[];
  readonly frozen: boolean;
  readonly bridge: string;
  /** Whether results can be sent to an archive; undefined where nothing can be kept. */
  readonly results?: boolean;
}

const CASE_FILES = ['images', 'labels', 'marks'] as const;
const POST_FILES = ['images', 'necrosis', 'anatomy'] as const;

/** The case, as the server has it. */
export async function loadCase(say: (text: string) => void): Promise<AblationCase> {
  return unpackCase((await fetchFiles('case', CASE_FILES, say)).map((f) => f.bytes));
}

/** The CT afterwards, once the server has made it. */
export async function loadPost(say: (text: string) => void): Promise<PostCt> {
  return unpackPost((await fetchFiles('post', POST_FILES, say)).map((f) => f.bytes));
}
