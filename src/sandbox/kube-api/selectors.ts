import { badRequest } from './status.js';

type Fields = Readonly<Record<string, string>>;
type Match = (fields: Fields) => boolean;

const EVERYTHING: Match = () => true;
const SET = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/;
const EQUALITY = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/;
const EXISTS = /^(!?)\s*([\w./-]+)$/;

/** `a=b,c!=d,e in (f,g),h,!i`. @throws ApiError 400 */
export function labelSelector(text: string | null): Match {
  if (text === null || text.trim() === '') return EVERYTHING;
  const requirements = text.split(/,(?![^(]*\))/).map((part) => labelRequirement(part.trim()));
  return (labels) => requirements.every((matches) => matches(labels));
}

function labelRequirement(text: string): Match {
  const equality = EQUALITY.exec(text);
  if (equality !== null) return comparison(equality[1]!, equality[2]!, equality[3]!);
  const set = SET.exec(text);
  if (set !== null) {
    const [, key, operator, list] = set;
    const values = new Set(list!.split(',').map((value) => value.trim()));
    if (operator === 'in') return (labels) => labels[key!] !== undefined && values.has(labels[key!]!);
    return (labels) => labels[key!] === undefined || !values.has(labels[key!]!);
  }
  const exists = EXISTS.exec(text);
  if (exists === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
  return (labels) => (labels[exists[2]!] !== undefined) === (exists[1] === '');
}

/**
 * `metadata.name=x,involvedObject.kind!=y`.
 * @param supported the names of the fields that selectors of this resource may use
 * @throws ApiError 400
 */
export function fieldSelector(text: string | null, supported: readonly string[]): Match {
  if (text === null || text === '') return EVERYTHING;
  const terms = text.split(/(?<!\\),/).map((part) => {
    const match = /^([\w.]+)(==|=|!=)(.*)$/s.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field, operator, value] = match;
    if (!supported.includes(field!)) throw badRequest(`field label not supported: ${field}`);
    return comparison(field!, operator!, value!.replace(/\\(.)/g, '$1'));
  });
  return (fields) => terms.every((matches) => matches(fields));
}

function comparison(key: string, operator: string, value: string): Match {
  return operator === '!=' ? (fields) => fields[key] !== value : (fields) => fields[key] === value;
}
