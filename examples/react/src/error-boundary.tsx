import { isNavError } from '@trocar/core';
import { Component, type ReactNode } from 'react';

/** Shows what went wrong in place of its children; a NavError's message says what to do about it. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <p className="notice" role="alert" data-code={isNavError(error) ? error.code : 'unexpected'}>
        {error instanceof Error ? error.message : String(error)}
      </p>
    );
  }
}
