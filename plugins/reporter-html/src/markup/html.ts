import { escapeHtml } from '@dinomix/volume/page';

/** Markup that was made here and holds no unescaped text of others. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: markup as it is, text and numbers escaped, nothing for null and false. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return '';
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(render).join('');
  return escapeHtml(String(content));
}

/** Template of markup: everything put into it is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = strings[0]!;
  contents.forEach((content, index) => {
    text += render(content) + strings[index + 1]!;
  });
  return new Markup(text);
}
