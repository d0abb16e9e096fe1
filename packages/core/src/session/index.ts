/** `@trocar/core/session`: what was accepted, kept so that nothing is lost and nothing can be altered unseen. */
export {};
