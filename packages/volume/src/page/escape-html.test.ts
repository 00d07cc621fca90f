import { expect, it } from 'vitest';
import { escapeHtml } from './escape-html.js';

it('leaves nothing that opens an element, an entity or ends an attribute', () => {
  expect(escapeHtml(`<a href="x" title='y'>R&D &amp;</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;R&amp;D &amp;amp;&lt;/a&gt;',
  );
  expect(escapeHtml('Niere, links (mm³)')).toBe('Niere, links (mm³)');
});
