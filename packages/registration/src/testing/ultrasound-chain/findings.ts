import { isNavError } from '@trocar/core';

/** Where in the chain something was found. */
export type ChainStage =
  | 'pivot'
  | 'phantom'
  | 'calibration'
  | 'check'
  | 'sweep'
  | 'reconstruction'
  | 'registration'
  | 'verification'
  | 'navigation';

/** What a stage found to be wrong. */
export interface ChainFinding {
  readonly stage: ChainStage;
  /** A finding's or an error's own code. */
  readonly code: string;
  readonly message: string;
}

/** Findings of one run: with any, nobody navigates by it. */
export class ChainFindings {
  readonly list: ChainFinding[] = [];

  add(stage: ChainStage, code: string, message: string): void {
    this.list.push({ stage, code, message });
  }

  addAll(stage: ChainStage, findings: readonly { readonly code: string; readonly message: string }[]): void {
    for (const { code, message } of findings) this.add(stage, code, message);
  }

  /** An error that ended a stage. What is no NavError is thrown on. */
  addError(stage: ChainStage, error: unknown): void {
    if (!isNavError(error)) throw error;
    this.add(stage, error.code, error.message);
  }
}
