import { type DefaultTreeAdapterMap, parse } from 'parse5';

type Node = DefaultTreeAdapterMap['node'];
type Element = DefaultTreeAdapterMap['element'];

/** A page as a browser would read it. */
export interface Page {
  /** Elements of a tag, with a class where the name starts with a dot, or all for `*`. */
  all(name: string, within?: Node): readonly Element[];
  /** Element with this id. */
  byId(id: string): Element | undefined;
  readonly root: Node;
}

const isElement = (node: Node): node is Element => 'tagName' in node;

export function attribute(element: Element, name: string): string | undefined {
  return element.attrs.find((one) => one.name === name)?.value;
}

/** Text of an element and what is in it, spaces joined. */
export function textOf(node: Node): string {
  const raw = (one: Node): string => {
    if ('value' in one) return one.value;
    return 'childNodes' in one ? one.childNodes.map(raw).join('') : '';
  };
  return raw(node).replace(/\s+/g, ' ').trim();
}

function descendants(node: Node): readonly Element[] {
  if (!('childNodes' in node)) return [];
  return node.childNodes.flatMap((child) => [...(isElement(child) ? [child] : []), ...descendants(child)]);
}

/** Cells of the rows of a table. */
export function cells(table: Element, page: Page): readonly (readonly string[])[] {
  return page.all('tr', table).map((row) => row.childNodes.filter(isElement).map(textOf));
}

/** Parses a page. @throws where a browser would have to mend it. */
export function read(text: string): Page {
  const problems: string[] = [];
  const root = parse(text, {
    sourceCodeLocationInfo: true,
    onParseError: ({ code, startLine, startCol }) => problems.push(`${code} at ${startLine}:${startCol}`),
  });
  if (problems.length > 0) throw new Error(`the page is no valid HTML: ${problems.join(', ')}`);
  const all = (name: string, within: Node = root) =>
    descendants(within).filter((element) =>
      name.startsWith('.')
        ? attribute(element, 'class')?.split(' ').includes(name.slice(1)) === true
        : name === '*' || element.tagName === name,
    );
  return { root, all, byId: (id) => descendants(root).find((element) => attribute(element, 'id') === id) };
}
