/** See registry.mjs. */
export const REGISTRY: string;
