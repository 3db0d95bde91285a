import { cloudJobCrd } from '../../src/api/crd.js';
import { startKubeApi } from '../../src/sandbox/kube-api/server.js';
import { serve } from './child.js';

/** The embedded Kubernetes API, where there is no real one. */
const api = await startKubeApi({ crds: [cloudJobCrd()] });

serve({ kubeconfig: () => api.kubeconfig });
