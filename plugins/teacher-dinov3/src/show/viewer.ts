/** What the page does: draws the layers, and the cosine with the token that is clicked. It gets all it needs from the page. */
export const VIEWER = `
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const { layers, rows, columns, channels, images, slices, axis, cells, shape, turned, colours, named } = data;
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const rgb = bytes(data.rgb), palette = bytes(colours);
  const tokens = new Int8Array(bytes(data.tokens).buffer), scales = new Float32Array(bytes(data.scales).buffer);
  const count = layers * rows * columns, area = rows * columns;
  const find = (id) => document.getElementById(id);
  const mean = new Float64Array(channels);
  for (let t = 0; t < count; t++) for (let c = 0; c < channels; c++) mean[c] += tokens[t * channels + c] * scales[t] / count;
  let layer = Math.floor(layers / 2), reference = null, map = null;

  const cosines = (chosen) => {
    const from = find('mean').checked ? mean : new Float64Array(channels);
    const value = (t, c) => tokens[t * channels + c] * scales[t] - from[c];
    const other = Float64Array.from({ length: channels }, (_, c) => value(chosen, c));
    const length = Math.hypot(...other);
    return Float32Array.from({ length: count }, (_, t) => {
      let sum = 0, squares = 0;
      for (let c = 0; c < channels; c++) { const v = value(t, c); sum += v * other[c]; squares += v * v; }
      return squares && length ? sum / (Math.sqrt(squares) * length) : 0;
    });
  };
  const voxelOf = (token) => {
    const place = turned ? area - 1 - token % area : token % area;
    const cell = [Math.floor(token / area), Math.floor(place / columns), place % columns];
    const along = cell.map((index, i) => Math.floor((index + 0.5) * shape[i] / cells[i]));
    along[0] = slices[cell[0]];
    const voxel = [0, 0, 0];
    axis.forEach((of, i) => { voxel[of] = along[i]; });
    return voxel.join(', ');
  };
  const paint = (canvas, colour) => {
    const picture = new ImageData(columns, rows);
    for (let i = 0; i < area; i++) picture.data.set([...colour(layer * area + i), 255], 4 * i);
    canvas.width = columns; canvas.height = rows;
    canvas.getContext('2d').putImageData(picture, 0, 0);
  };
  const draw = () => {
    find('layer').value = layer;
    find('where').textContent = 'layer ' + (layer + 1) + ' of ' + layers + ', slice ' + slices[layer];
    for (const image of document.querySelectorAll('img.slice')) image.src = images[layer];
    paint(find('components'), (t) => rgb.subarray(3 * t, 3 * t + 3));
    const cosine = find('cosine'), note = find('reference');
    cosine.hidden = map === null;
    if (map !== null) {
      const others = map.filter((_, t) => t !== reference);
      const low = others.length ? others.reduce((a, b) => Math.min(a, b)) : 0, high = others.length ? others.reduce((a, b) => Math.max(a, b)) : 1;
      paint(cosine, (t) => {
        const byte = Math.round(255 * Math.min(1, Math.max(0, (map[t] - low) / (high - low || 1))));
        return palette.subarray(3 * byte, 3 * byte + 3);
      });
      note.textContent = 'cosine with the token at voxel (z, y, x) = (' + voxelOf(reference) + '), in layer ' + (Math.floor(reference / area) + 1);
      find('low').textContent = low.toFixed(3); find('high').textContent = high.toFixed(3);
    }
    const here = reference !== null && Math.floor(reference / area) === layer;
    for (const mark of document.querySelectorAll('.mark')) {
      mark.hidden = !here;
      if (!here) continue;
      const place = reference % area;
      mark.style.left = 100 * (place % columns + 0.5) / columns + '%';
      mark.style.top = 100 * (Math.floor(place / columns) + 0.5) / rows + '%';
    }
    for (const canvas of document.querySelectorAll('canvas')) canvas.style.opacity = find('opacity').value;
  };
  const choose = (token) => { reference = token; map = cosines(token); draw(); };
  const show = (next) => { layer = Math.min(layers - 1, Math.max(0, next)); draw(); };
  for (const panel of document.querySelectorAll('.picture')) {
    panel.addEventListener('click', (event) => {
      const box = panel.getBoundingClientRect();
      const column = Math.min(columns - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * columns)));
      const row = Math.min(rows - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * rows)));
      choose(layer * area + row * columns + column);
    });
  }
  find('layer').addEventListener('input', (event) => show(Number(event.target.value)));
  find('opacity').addEventListener('input', draw);
  find('mean').addEventListener('change', () => { if (reference !== null) choose(reference); });
  document.addEventListener('keydown', (event) => {
    if (event.target.tagName === 'INPUT') return;
    if (event.key === 'ArrowUp' || event.key === 'ArrowRight') show(layer + 1);
    if (event.key === 'ArrowDown' || event.key === 'ArrowLeft') show(layer - 1);
  });
  for (const [index, token] of named.entries()) {
    find('named-' + index).addEventListener('click', () => { layer = Math.floor(token / area); choose(token); });
  }
  if (named.length > 0) { layer = Math.floor(named[0] / area); choose(named[0]); } else draw();
})();
`;
