import process from 'node:process';

/** Where a release puts the image and, below charts/, the chart. A fork sets REGISTRY and runs "npm run crd". */
export const REGISTRY = process.env.REGISTRY ?? 'ghcr.io/cloudjob-dev';
