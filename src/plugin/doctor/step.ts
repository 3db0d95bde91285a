/** The result of one check; texts are for people and end without a full stop. */
export type Finding =
  | { readonly kind: 'ok'; readonly detail: string }
  | { readonly kind: 'wrong'; readonly detail: string; readonly remedy: string }
  /** It cannot be checked from here, or by this user; no problem is known. */
  | { readonly kind: 'cannotTell'; readonly detail: string };

/** A link of the chain between a person and the job. */
export type Step = Finding & { readonly name: string };

export function ok(detail: string): Finding {
  return { kind: 'ok', detail };
}

export function wrong(detail: string, remedy: string): Finding {
  return { kind: 'wrong', detail, remedy };
}

export function cannotTell(detail: string): Finding {
  return { kind: 'cannotTell', detail };
}
