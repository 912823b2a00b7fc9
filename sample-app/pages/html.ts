/** Markup that is safe to send: everything that was put into it has been escaped. */
export class Html {
  constructor(private readonly markup: string) {}

  toString(): string {
    return this.markup;
  }
}

/** What may stand in a template; `undefined` and `false` leave nothing. */
export type HtmlValue = Html | string | number | false | undefined | readonly HtmlValue[];

/**
 * Escapes whatever is put in, unless it is `Html` itself. Attributes must stand in double quotes.
 *
 * ```ts
 * html`<p title="${name}">${lines.map((line) => html`<br>${line}`)}</p>`
 * ```
 */
export function html(texts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const [first = '', ...rest] = texts;
  return new Html(rest.reduce((markup, text, index) => markup + render(values[index]) + text, first));
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
