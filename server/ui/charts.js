// The Server tab: charts of /metrics, read every second. Rates and quantiles cover the last ten seconds.

import {call} from './client.js';
import {bytes, h, seconds, short, svg} from './dom.js';

const SAMPLES = 120, WINDOW = 10, WIDTH = 240, HEIGHT = 100;

/** Prometheus's text as {name: [{labels, value}]}. */
export function parseMetrics(text) {
  const families = {};
  for (const line of text.split('\n')) {
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!found) continue;
    const labels = Object.fromEntries([...(found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(pair => [pair[1], pair[2]]));
    (families[found[1]] ??= []).push({labels, value: Number(found[3])});
  }
  return families;
}

const total = (families, name) =>
  (families[name] ?? []).reduce((sum, entry) => sum + entry.value, 0);
const gauge = (families, name) => families[name]?.[0]?.value ?? NaN;

/** The q-quantile of a histogram between two samples, linear inside a bucket. NaN without new values. */
export function quantile(now, before, name, q) {
  const counts = families => {
    const sums = new Map();
    for (const {labels, value} of families[name + '_bucket'] ?? [])
      sums.set(labels.le, (sums.get(labels.le) ?? 0) + value);
    return sums;
  };
  const old = counts(before);
  const steps = [...counts(now)].map(([le, n]) => [le === '+Inf' ? Infinity : Number(le), n - (old.get(le) ?? 0)]).sort((a, b) => a[0] - b[0]);
  const all = steps.at(-1)?.[1] ?? 0;
  let low = 0, below = 0;
  for (const [bound, n] of all > 0 ? steps : []) {
    if (n >= q * all) return bound === Infinity ? low : low + (bound - low) * (q * all - below) / Math.max(n - below, 1);
    [low, below] = [bound, n];
  }
  return NaN;
}

// ---- drawing

const rate = name => (now, before, span) => (total(now, name) - total(before, name)) / span;
const mean = name => (now, before) => {
  const n = total(now, name + '_count') - total(before, name + '_count');
  return n > 0 ? (total(now, name + '_sum') - total(before, name + '_sum')) / n : NaN;
};
const delay = q => (now, before) => quantile(now, before, 'te_request_duration', q);

const CHARTS = [
  {title: 'Requests a second', unit: short, lines: {requests: rate('te_request_count')}},
  {title: 'Median time of a request', unit: seconds, lines: {p50: delay(0.5), p95: delay(0.95), p99: delay(0.99)}},
  {title: 'Tokens a second', unit: short, lines: {tokens: rate('te_batch_next_tokens_sum')}},
  {title: 'Sequences in a batch', unit: short, lines: {sequences: mean('te_batch_next_size')}},
  {title: 'Waiting sequences', unit: short, lines: {waiting: now => gauge(now, 'te_queue_size')}},
  {title: 'Resident memory', unit: bytes, one: 1 << 20, lines: {memory: now => gauge(now, 'process_resident_memory_bytes')}},
];

/** A round number in that unit above the largest value. */
function ceiling(values, one = 1) {
  const most = Math.max(...values.filter(Number.isFinite), 0) / one;
  if (most <= 0) return one;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12].map(step => step * unit).find(top => top >= most * 1.05) * one;
}

class Chart {
  constructor(spec) {
    this.spec = spec;
    this.names = Object.keys(spec.lines);
    this.series = this.names.map(() => []);
    this.figure = h('b', {}, '–');
    this.high = h('span', {class: 'top-label'});
    this.legend = h('div', {class: 'legend'});
    this.drawing = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': spec.title,
      onpointermove: event => this.point(event), onpointerleave: () => this.point()});
    this.element = h('figure', {class: 'chart card'}, h('figcaption', {}, spec.title, this.figure),
      h('div', {class: 'plot'}, this.high, this.drawing), this.legend);
  }

  add(now, before, span) {
    this.names.forEach((name, i) => {
      this.series[i].push(this.spec.lines[name](now, before, span));
      if (this.series[i].length > SAMPLES) this.series[i].shift();
    });
    this.draw();
  }

  /** The newest sample is at the right end. */
  x(index) {
    return WIDTH * (index + SAMPLES - this.series[0].length) / (SAMPLES - 1);
  }

  draw() {
    const top = ceiling(this.series.flat(), this.spec.one), y = value => HEIGHT - HEIGHT * value / top, parts = [];
    for (const part of [0, 0.5, 1]) parts.push(svg('line', {x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part}));
    this.series.forEach((values, i) => {
      let path = '', from = null;
      values.forEach((value, at) => {
        if (!Number.isFinite(value)) { from = null; return; }  // no values: a gap
        const last = !Number.isFinite(values[at + 1]);
        path += from == null ? `M${this.x(at).toFixed(1)} ${y(value).toFixed(1)}${last ? 'h.5' : ''}` : `L${this.x(at).toFixed(1)} ${y(value).toFixed(1)}`;
        from = at;
      });
      if (!path) return;
      const unbroken = values.every(Number.isFinite);
      if (this.series.length === 1 && unbroken)
        parts.push(svg('path', {class: 'area c0', d: `${path}V${HEIGHT}H${this.x(0).toFixed(1)}Z`}));
      parts.push(svg('path', {class: `c${i}`, d: path}));
    });
    this.top = top;
    this.drawing.replaceChildren(...parts);
    this.high.textContent = this.spec.unit(top);
    this.point();
  }

  /** The values at the pointer, or the newest. */
  point(event) {
    const length = this.series[0].length;
    let at = length - 1;
    this.drawing.querySelector('.at')?.remove();
    if (event && length) {
      const box = this.drawing.getBoundingClientRect();
      at = Math.round((event.clientX - box.left) / box.width * (SAMPLES - 1)) - (SAMPLES - length);
      at = Math.max(0, Math.min(length - 1, at));
      this.drawing.append(svg('line', {class: 'at', x1: this.x(at), x2: this.x(at), y1: 0, y2: HEIGHT}));
    }
    const text = i => this.spec.unit(this.series[i][at]);
    this.figure.textContent = length ? text(0) : '–';
    const ago = length - 1 - at, when = h('span', {}, event && ago ? `${ago} s ago` : 'now');
    const names = this.names.length > 1 ? this.names.map((name, i) => h('span', {class: `c${i}`}, h('i'), `${name} ${length ? text(i) : ''}`)) : [];
    this.legend.replaceChildren(...(names.length ? names : [h('span', {}, '2 minutes'), when]));
  }
}

/** Totals since the start, and the reasons of rejections. */
function totals(families) {
  const failures = (families.te_request_failure ?? []).filter(entry => entry.value > 0);
  const rows = [
    ['Requests answered', total(families, 'te_request_success')],
    ...failures.map(entry => [`Refused: ${entry.labels.err}`, entry.value]),
    ['Given up by their clients', total(families, 'roberta_requests_cancelled')],
    ['Past their deadline', total(families, 'roberta_requests_timed_out')],
    ['Batches computed', total(families, 'te_batch_next_size_count')],
    ['Tokens computed', total(families, 'te_batch_next_tokens_sum')],
    ['Open connections', gauge(families, 'roberta_connections')],
    ['Requests in work', gauge(families, 'roberta_requests_in_flight')],
  ];
  return h('table', {class: 'numbers'}, h('tbody', {}, rows.filter(row => Number.isFinite(row[1]))
    .map(([name, value]) => h('tr', {}, h('th', {scope: 'row'}, name), h('td', {}, value.toLocaleString('en'))))));
}

function open(panel) {
  const charts = CHARTS.map(spec => new Chart(spec)), history = [];
  const status = h('p', {class: 'status', role: 'status'}, 'Reading /metrics…'), table = h('div', {});
  panel.replaceChildren(status, h('div', {class: 'charts'}, charts.map(chart => chart.element)),
    h('section', {class: 'card', 'aria-label': 'Since the start'}, h('h2', {}, 'Since the start'), table));
  let timer = 0, left = false;
  async function sample() {
    try {
      const families = parseMetrics((await call('/metrics')).data);
      if (left) return;
      const now = {families, time: performance.now() / 1000}, before = history.at(-WINDOW) ?? history[0];
      if (before) for (const chart of charts) chart.add(families, before.families, Math.max(now.time - before.time, 1e-3));
      history.push(now);
      if (history.length > WINDOW) history.shift();
      table.replaceChildren(totals(families));
      status.replaceChildren(h('span', {}, 'Each second from ', h('a', {href: 'metrics'}, '/metrics'), '; rates and quantiles are of the last ten seconds.'));
    } catch (error) {
      if (left) return;
      status.replaceChildren(`${error.title ?? error}. ${error.title ? error.message : ''} Asking again…`);
    }
    timer = setTimeout(sample, 1000);
  }
  sample();
  return () => {
    left = true;
    clearTimeout(timer);
  };
}

export const serverTab = {id: 'server', title: 'Server', open};
