// DOM helpers.

/** An element: attributes, then children. `on...` are listeners, true and false set or leave out an attribute. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(child => child != null && child !== false));
  return element;
}

/** The server counts in code points, JavaScript in UTF-16 units. */
export const points = text => Array.from(text);

export const percent = value => (value * 100).toFixed(value < 0.0995 && value > 0 ? 2 : 1) + ' %';

export function short(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return (value / 1e9).toFixed(1) + ' G';
  if (size >= 1e6) return (value / 1e6).toFixed(1) + ' M';
  if (size >= 1e4) return (value / 1e3).toFixed(1) + ' k';
  return size >= 100 || value === Math.round(value) ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function seconds(value) {
  if (!Number.isFinite(value)) return '–';
  if (value < 1e-3) return (value * 1e6).toFixed(0) + ' µs';
  if (value < 1) return (value * 1e3).toFixed(value < 0.01 ? 1 : 0) + ' ms';
  return value.toFixed(value < 10 ? 2 : 1) + ' s';
}

export function bytes(value) {
  if (!Number.isFinite(value)) return '–';
  return value >= 1 << 30 ? (value / (1 << 30)).toFixed(2) + ' GiB' : (value / (1 << 20)).toFixed(1) + ' MiB';
}

/** Ranked bars: [{what, score, more, click, hint}], scores from 0 to 1. */
export function bars(rows, label) {
  return h('ol', {class: 'bars', 'aria-label': label}, rows.map(row => {
    const length = h('span', {class: 'fill'});
    length.style.width = Math.min(100, Math.max(0, row.score * 100)) + '%';
    return h('li', {},
      row.click ? h('button', {type: 'button', class: 'what', title: row.hint, onclick: row.click}, row.what)
                : h('span', {class: 'what'}, row.what),
      h('span', {class: 'track', 'aria-hidden': 'true'}, length),
      h('span', {class: 'number'}, row.number ?? percent(row.score)),
      row.more && h('span', {class: 'more'}, row.more));
  }));
}

/** A text with marked ranges [start, end) of code points: parts = [{start, end, label, hue}], in order, without overlap. */
export function marked(text, parts) {
  const letters = points(text), out = [];
  let at = 0;
  for (const part of parts) {
    if (part.start < at || part.end <= part.start) continue;
    out.push(letters.slice(at, part.start).join(''),
      h('mark', {class: part.hue == null ? null : 'hue' + part.hue, title: part.title},
        letters.slice(part.start, part.end).join(''), part.label && h('sup', {}, part.label)));
    at = part.end;
  }
  out.push(letters.slice(at).join(''));
  return h('p', {class: 'read'}, out);
}
