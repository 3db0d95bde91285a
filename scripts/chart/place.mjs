/** Puts Helm's template language into Kubernetes objects, and prints them. */
import { dump } from 'js-yaml';

const texts = [];
const MARK = /PLACED-(\d+)-/g;

/** A value, or a part of one, that Helm fills in: `placed('{{ .Values.replicas }}')`. */
export function placed(text) {
  return `PLACED-${texts.push(text) - 1}-`;
}

/**
 * An entry of a map that is lines of the template, for `...`. In a list, `placed` alone is such lines.
 * `nindent N` in them counts from the place that they have.
 */
export function lines(text) {
  return { [placed(text)]: null };
}

/** The YAML of an object in which something was placed. Braces that were in it before mean nothing to Helm. */
export function print(object) {
  return dump(object, { lineWidth: -1, noRefs: true, quotingType: "'" })
    .replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`)
    .replaceAll(/^( *)(?:- )?PLACED-(\d+)-(?:: null)?$/gm, (_, indent, index) =>
      texts[index]
        .replaceAll(/nindent (\d+)/g, (__, more) => `nindent ${indent.length + Number(more)}`)
        .replaceAll(/^(?=.)/gm, indent),
    )
    .replaceAll(MARK, (_, index) => texts[index]);
}

/** A copy in which the function has replaced what it returns something else for, maps before what is in them. */
export function rewrite(value, replace, key = '') {
  const replaced = replace(value, key);
  if (Array.isArray(replaced)) return replaced.map((item) => rewrite(item, replace, key));
  if (typeof replaced !== 'object' || replaced === null) return replaced;
  return Object.fromEntries(
    Object.entries(replaced).map(([name, inner]) => [name, rewrite(inner, replace, name)]),
  );
}
