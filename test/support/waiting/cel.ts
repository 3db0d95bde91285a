import { Environment } from '@marcbachmann/cel-js';

/**
 * Evaluates an expression without knowing the types of the variables, as Flux and Crossplane do.
 *
 * @throws Error where the expression does, for example on a field that is not there
 */
export function celBoolean(expression: string, variables: Readonly<Record<string, unknown>>): boolean {
  const environment = new Environment({ unlistedVariablesAreDyn: true });
  const result: unknown = environment.parse(expression)(variables);
  if (typeof result !== 'boolean') throw new TypeError(`not a boolean: ${expression}`);
  return result;
}
