import * as z from 'zod';

/** A node of an OpenAPI v3 schema; `x-kubernetes-*` keys are passed through as the zod schema's `meta` has them. */
export interface StructuralSchema {
  readonly [keyword: string]: unknown;
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
}

/**
 * The schema as an API server accepts it in a CustomResourceDefinition: what may be written (zod's input), without what
 * a structural schema must not or need not have.
 */
export function toStructuralSchema(schema: z.ZodType): StructuralSchema {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === 'integer') sizeInteger(jsonSchema);
      // The format is enough; zod's long pattern for it is not needed.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      // Refused beside `properties`: unknown fields are pruned, and kubectl reports them.
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      describeFirst(jsonSchema);
    },
  }) as StructuralSchema;
}

/** Drops the bounds of JavaScript's safe integers, and sets the width that clients are to use. */
function sizeInteger(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  schema.format = schema.maximum === undefined ? 'int64' : 'int32';
}

/** Keywords in one fixed order, independent of the order in the zod schema. */
function describeFirst(schema: z.core.JSONSchema.BaseSchema): void {
  const { description, type, format, ...others } = schema;
  for (const keyword of Object.keys(schema)) delete schema[keyword];
  Object.assign(schema, {
    ...(description === undefined ? {} : { description }),
    ...(type === undefined ? {} : { type }),
    ...(format === undefined ? {} : { format }),
    ...others,
  });
}
