// Shows the values below the pointer in the legend; and on the map beside the plot, if there is one, the car.
for (const figure of document.querySelectorAll('figure.plot')) {
  const svg = figure.querySelector('svg'), cursor = svg.querySelector('.cursor');
  const lines = JSON.parse(figure.querySelector('script').textContent);
  const left = +figure.dataset.left, inner = 1 - left - figure.dataset.right;
  const map = figure.closest('section')?.querySelector('figure.map');
  const track = map && JSON.parse(map.querySelector('script').textContent);
  const place = (x, y) => {
    map?.querySelector('.car').setAttribute('cx', x); map?.querySelector('.car').setAttribute('cy', y);
  };
  const clear = () => {
    place(-99, -99);
    figure.querySelectorAll('.legend b').forEach(cell => cell.textContent = '');
    cursor.setAttribute('x1', -9); cursor.setAttribute('x2', -9);
  };
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    const part = ((event.clientX - box.left) / box.width - left) / inner;
    if (part < 0 || part >= 1) return clear();
    const x = (left + part * inner) * svg.viewBox.baseVal.width, time = Math.floor(part * figure.dataset.length);
    cursor.setAttribute('x1', x); cursor.setAttribute('x2', x);
    lines.forEach((values, number) => figure.querySelector(`[data-line="${number}"]`).textContent =
      values[Math.floor(part * values.length)]?.toFixed(2).concat(' ', figure.dataset.unit) ?? figure.dataset.missing);
    if (track) place(...track[Math.min(Math.floor(part * lines[0].length), track.length - 1)]);
    figure.querySelector('.clock b').textContent =
      String(Math.floor(time / 60)).padStart(2, '0') + ':' + String(time % 60).padStart(2, '0');
  });
  svg.addEventListener('pointerleave', clear);
}
