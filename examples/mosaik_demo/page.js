// Shows the values below the pointer in the legend.
for (const figure of document.querySelectorAll('figure.plot')) {
  const svg = figure.querySelector('svg'), cursor = svg.querySelector('.cursor');
  const lines = JSON.parse(figure.querySelector('script').textContent);
  const left = +figure.dataset.left, inner = 1 - left - figure.dataset.right;
  const clear = () => {
    figure.querySelectorAll('.legend b').forEach(cell => cell.textContent = '');
    cursor.setAttribute('x1', -9); cursor.setAttribute('x2', -9);
  };
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    const part = ((event.clientX - box.left) / box.width - left) / inner;
    if (part < 0 || part >= 1) return clear();
    const x = (left + part * inner) * svg.viewBox.baseVal.width, minutes = Math.floor(part * 1440);
    cursor.setAttribute('x1', x); cursor.setAttribute('x2', x);
    lines.forEach((values, number) => figure.querySelector(`[data-line="${number}"]`).textContent =
      values[Math.floor(part * values.length)]?.toFixed(2).concat(' ', figure.dataset.unit) ?? 'no answer');
    figure.querySelector('.clock b').textContent =
      String(Math.floor(minutes / 60)).padStart(2, '0') + ':' + String(minutes % 60).padStart(2, '0');
  });
  svg.addEventListener('pointerleave', clear);
}
