/** See tools.mjs. */
export const TOOLS_PATH: string;
