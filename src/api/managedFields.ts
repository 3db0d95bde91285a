import * as z from 'zod';

/** The operator's name in requests, Leases and Events. The API server enters it in `managedFields` for what the operator writes. */
export const OPERATOR = 'cloudjob-operator';

/** Who wrote which fields, as far as the operator uses it: whether the spec, and whether the phase is among them. */
export const managedFieldsSchema = z
  .array(
    z.object({
      manager: z.string().default(''),
      fieldsV1: z
        .object({
          'f:spec': z.object({}).optional(),
          'f:status': z.object({ 'f:phase': z.object({}).optional() }).optional(),
        })
        .optional(),
    }),
  )
  .catch([]);

/** What is kept of `managedFields`, which are as long as the object. */
export interface Managers {
  /** Who wrote the spec. */
  readonly specManagers: readonly string[];
  /** Whether the phase is somebody else's word: a person's, or that of a restore from a backup. */
  readonly isPhaseForeign: boolean;
}

export function managersOf(entries: z.output<typeof managedFieldsSchema>): Managers {
  const managersWith = (has: (fields: NonNullable<(typeof entries)[number]['fieldsV1']>) => boolean) =>
    entries.filter(({ fieldsV1 }) => fieldsV1 !== undefined && has(fieldsV1)).map(({ manager }) => manager);
  const phaseManagers = managersWith((fields) => fields['f:status']?.['f:phase'] !== undefined);
  return {
    specManagers: managersWith((fields) => fields['f:spec'] !== undefined),
    isPhaseForeign: phaseManagers.length > 0 && !phaseManagers.includes(OPERATOR),
  };
}
