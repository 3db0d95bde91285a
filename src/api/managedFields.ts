import * as z from 'zod';

/** The operator's name in requests, Leases and Events. The API server enters it in `managedFields` for what the operator writes. */
export const OPERATOR = 'cloudjob-operator';

/** Who wrote which fields, as far as the operator needs it: the spec, and the phase. */
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

export type ManagedFields = z.output<typeof managedFieldsSchema>;

/** The names under which the spec was written. */
export function specWriters(entries: ManagedFields): string[] {
  return entries.filter(({ fieldsV1 }) => fieldsV1?.['f:spec'] !== undefined).map(({ manager }) => manager);
}

/** Whether somebody else wrote the phase: a person, or a restore from a backup. */
export function isPhaseForeign(entries: ManagedFields): boolean {
  const writers = entries.filter(({ fieldsV1 }) => fieldsV1?.['f:status']?.['f:phase'] !== undefined);
  return writers.length > 0 && writers.every(({ manager }) => manager !== OPERATOR);
}
