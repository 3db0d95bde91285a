/** The chart's Deployment: that of deploy/base with the values in it. */
import { dump } from 'js-yaml';
import { lines, placed } from './place.mjs';

const NAME = 'cloudjob-operator';
const IS_REPLICATED = 'gt (int .Values.replicas) 1';

/** @param highAvailability what the component of that name changes in it */
export function deployment(object, highAvailability) {
  const { replicas: _, template, ...spec } = object.spec;
  return {
    ...object,
    spec: {
      replicas: placed('{{ .Values.replicas }}'),
      ...lines(
        `{{- if ${IS_REPLICATED} }}\n${yaml({ strategy: highAvailability.spec.strategy })}\n{{- end }}`,
      ),
      ...spec,
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          ...whenSet('podAnnotations', 'annotations'),
        },
        spec: podSpec(template.spec, highAvailability.spec.template.spec.affinity),
      },
    },
  };
}

function podSpec({ nodeSelector: _, containers: [container], volumes, ...spec }, spread) {
  return {
    ...whenSet('imagePullSecrets'),
    ...whenSet('priorityClassName'),
    ...spec,
    ...whenSet('nodeSelector'),
    ...whenSet('tolerations'),
    ...affinity(spread),
    ...lines(`{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml (hasKey . "labelSelector" | ternary . (merge (dict "labelSelector" (dict "matchLabels" (include "${NAME}.selector" $ | fromYaml))) .)) | nindent 4 }}
  {{- end }}
{{- end }}`),
    containers: [containerOf(container)],
    volumes: [
      ...volumes.map((volume) =>
        volume.name === 'config'
          ? { ...volume, configMap: { name: placed(`{{ include "${NAME}.configName" . }}`) } }
          : volume,
      ),
      placed(`{{- if .Values.caBundle }}
- name: cloud-ca
  configMap:
    name: {{ include "${NAME}.caName" . }}
{{- end }}
{{- with .Values.identityToken.audience }}
- name: iam-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ . | quote }}
          expirationSeconds: 3600
{{- end }}`),
    ],
  };
}

function containerOf({ image: _, imagePullPolicy: __, env, resources: ___, volumeMounts, ...container }) {
  const { name, ...rest } = container;
  return {
    name,
    image: placed(`{{ include "${NAME}.image" . }}`),
    imagePullPolicy: placed('{{ .Values.image.pullPolicy }}'),
    ...rest,
    env: [...env, placed(`{{- include "${NAME}.env" . | nindent 0 }}`)],
    ...whenSet('resources'),
    volumeMounts: [
      ...volumeMounts,
      placed(`{{- if .Values.caBundle }}
- name: cloud-ca
  mountPath: /etc/cloud-ca
  readOnly: true
{{- end }}
{{- if .Values.identityToken.audience }}
- name: iam-token
  mountPath: /var/run/secrets/iam
  readOnly: true
{{- end }}`),
    ],
  };
}

/** One that the user names; else replicas go to different nodes. */
function affinity(spread) {
  return {
    ...lines('{{- with .Values.affinity }}\naffinity:\n  {{- toYaml . | nindent 2 }}\n{{- else }}'),
    ...lines(`{{- if ${IS_REPLICATED} }}`),
    affinity: spread,
    ...lines('{{- end }}'),
    ...lines('{{- end }}'),
  };
}

function whenSet(value, key = value) {
  return lines(
    `{{- with .Values.${value} }}\n${key}:${value === 'priorityClassName' ? ' {{ . }}' : '\n  {{- toYaml . | nindent 2 }}'}\n{{- end }}`,
  );
}

function yaml(object) {
  return dump(object).trimEnd();
}
