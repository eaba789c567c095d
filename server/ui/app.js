// The page at /ui: header, tabs, one form for each task. The state is in the URL (#fill-mask?text=...&run=1), so that it
// can be linked.

import {call, copy, curlOf, hasKey, ServerError, useKey} from './client.js';
import {h, short} from './dom.js';
import {serverTab} from './charts.js';
import {tasks} from './tasks.js';

const $ = id => document.getElementById(id);
let served = {models: [], version: ''}, leave = () => {};

// ---- models

const tabs = () => {
  const can = new Set(served.models.flatMap(model => model.tasks));
  return [...tasks.filter(task => can.has(task.id)), serverTab];
};

/** The chosen model if it can do the task, otherwise the first that can. */
function modelFor(task) {
  const able = served.models.filter(model => model.tasks.includes(task.id));
  return able.find(model => model.name === $('model').value) ?? able[0];
}

function showFacts(model) {
  if (!model) {
    $('facts').replaceChildren('No model is loaded.');
    return;
  }
  if (!model.parameters) {
    $('facts').replaceChildren(h('span', {class: 'name'}, model.name), h('span', {}, model.reason ? `failed: ${model.reason}` : model.state));
    return;
  }
  const facts = [[model.task || model.architecture], [short(model.parameters) + ' parameters'], [`${model.layers} layers of ${model.hidden_size}`, 'minor'],
    [`up to ${model.max_length} tokens`, 'minor'], [model.precision], [model.device], [model.version > 1 && `load ${model.version}`, 'minor'],
    ['roberta ' + served.version]];
  $('facts').replaceChildren(h('span', {class: 'name'}, model.name),
    ...facts.filter(fact => fact[0]).map(([text, kind]) => h('span', {class: kind}, text)));
  document.title = `${model.name} · roberta`;
}

/** Polls until the models are loaded, or a key is needed. */
async function load() {
  try {
    served = (await call('/ui/models.json')).data;
  } catch (error) {
    $('facts').replaceChildren(`${error.title}. ${error.message}`);
    if (error.status === 401) askKey();
    else setTimeout(load, 2000);
    return;
  }
  $('key-form').hidden = true;
  const names = served.models.map(model => model.name), chosen = $('model').value;
  $('model').replaceChildren(...names.map(name => h('option', {selected: name === chosen}, name)));
  $('model-choice').hidden = names.length < 2;
  if (served.models.some(model => model.state === 'loading')) setTimeout(load, 500);
  route();
}

function askKey() {
  $('key-form').hidden = false;
  $('key').focus();
}

// ---- the URL

function readAddress() {
  const [id, ...query] = location.hash.slice(1).split('?');
  return {id, values: Object.fromEntries(new URLSearchParams(query.join('?')))};
}

function writeAddress(task, values) {
  const query = new URLSearchParams();
  for (const field of task.fields) {
    const value = Array.isArray(values[field.name]) ? values[field.name].join(', ') : values[field.name];
    if (String(value) !== String(field.value)) query.set(field.name, value);
  }
  query.set('run', '1');
  history.replaceState(null, '', `#${task.id}?${query}`);
}

function route() {
  const {id, values} = readAddress();
  if (values.theme) setTheme(values.theme);
  const all = tabs(), tab = all.find(t => t.id === id) ?? all[0], onTabs = $('tabs').contains(document.activeElement);
  $('tabs').replaceChildren(...all.map(t => h('button', {
    type: 'button', role: 'tab', id: 'tab-' + t.id, 'aria-selected': String(t === tab), 'aria-controls': 'panel',
    tabindex: t === tab ? '0' : '-1', onclick: () => { location.hash = t.id; },
  }, t.title)));
  if (onTabs) $('tab-' + tab.id).focus();
  $('tab-' + tab.id).scrollIntoView({block: 'nearest', inline: 'nearest'});
  $('panel').setAttribute('aria-labelledby', 'tab-' + tab.id);
  leave();
  leave = () => {};
  const model = tab.fields ? modelFor(tab) : served.models.find(m => m.name === $('model').value) ?? served.models[0];
  showFacts(model);
  if (tab.open) leave = tab.open($('panel'));
  else showTask(tab, model, values, values.run === '1' || id === '');
}

// ---- a task's form

function control(field, value) {
  const name = field.name, common = {name, id: 'field-' + name};
  if (Array.isArray(field.kind))
    return h('select', common, field.kind.map(choice => h('option', {selected: choice === value}, choice)));
  if (field.kind === 'text') return h('textarea', {...common, rows: 2, spellcheck: 'false', required: true}, value);
  if (field.kind === 'check') return h('input', {...common, type: 'checkbox', checked: value === true || value === 'true'});
  if (field.kind === 'number') return h('input', {...common, type: 'number', min: field.low, max: field.high, value, required: true});
  return h('input', {...common, type: 'text', value, spellcheck: 'false'});
}

function labelled(field, value) {
  const hint = field.hint && h('small', {}, ' ' + field.hint), input = control(field, value);
  if (field.kind === 'text' || field.kind === 'line')
    return h('label', {class: 'field'}, h('span', {}, field.label, hint), input);
  const words = h('span', {}, field.label, hint);
  return h('label', {class: field.wide ? 'option wide' : 'option'}, ...(field.kind === 'check' ? [input, words] : [words, input]));
}

function valuesOf(form, task) {
  return Object.fromEntries(task.fields.map(field => {
    const input = form.elements[field.name];
    if (field.kind === 'check') return [field.name, input.checked];
    if (field.kind === 'number') return [field.name, Number(input.value)];
    if (field.kind === 'list') return [field.name, input.value.split(',').map(word => word.trim()).filter(Boolean)];
    return [field.name, input.value];
  }));
}

/** A button that puts a word where the cursor is in the first text field. */
function inserter(form, word) {
  return h('button', {type: 'button', onclick: () => {
    const area = form.querySelector('textarea');
    area.setRangeText(word, area.selectionStart, area.selectionEnd, 'end');
    area.focus();
  }}, `Insert ${word}`);
}

function showTask(task, model, given, runNow) {
  const status = h('p', {class: 'status', role: 'status'}), result = h('div', {id: 'result', 'aria-live': 'polite'});
  const curl = h('details', {}, h('summary', {}, 'The same request with curl'), h('pre', {}));
  const value = field => given[field.name] ?? field.value;
  const form = h('form', {class: 'card'});
  const wide = task.fields.filter(f => f.kind === 'text' || f.kind === 'line'), small = task.fields.filter(f => !wide.includes(f));
  const edit = values => {
    for (const [name, text] of Object.entries(values)) form.elements[name].value = text;
    run();
  };
  let asked = new AbortController();

  async function run() {
    asked.abort();
    asked = new AbortController();
    const values = valuesOf(form, task), {path, body} = task.request(values, model);
    if (served.models.length > 1) body.model = model.name;
    writeAddress(task, values);
    curl.querySelector('pre').textContent = curlOf(path, body);
    status.replaceChildren('Waiting for the server…');
    try {
      const {data, milliseconds, headers} = await call(path, body, asked.signal);
      const inside = Number(headers.get('x-inference-time'));
      status.replaceChildren(`Response in ${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms` + (inside ? `, ${inside} ms of it in the model` : '') + '.');
      result.replaceChildren(...[task.show(data, values, model, edit)].flat(3).filter(Boolean));
    } catch (error) {
      if (error.name === 'AbortError') return;
      showError(error, status, result);
    }
  }

  const copied = async event => {
    const values = valuesOf(form, task), {path, body} = task.request(values, model), text = curlOf(path, body);
    const button = event.currentTarget, done = await copy(text);
    curl.querySelector('pre').textContent = text;
    if (!done) curl.open = true;
    button.textContent = done ? 'Copied' : 'Copy it from below';
    setTimeout(() => { button.textContent = 'Copy as curl'; }, 1500);
  };

  form.addEventListener('submit', event => {
    event.preventDefault();
    run();
  });
  form.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.append(...wide.map(field => labelled(field, value(field))),
    ...(small.length ? [h('div', {class: 'options'}, small.map(field => labelled(field, value(field))))] : []),
    h('div', {class: 'actions'},
      h('button', {type: 'submit', class: 'main', title: 'Ctrl+Enter'}, task.action), task.insert && inserter(form, task.insert(model)),
      h('button', {type: 'button', onclick: copied}, 'Copy as curl')),
    h('ul', {class: 'examples', 'aria-label': 'Examples'}, task.examples.map(example => h('li', {},
      h('button', {type: 'button', onclick: () => edit(example)}, Object.values(example)[0])))));
  $('panel').replaceChildren(form, h('section', {class: 'card', 'aria-label': 'Response'}, status, result, curl));
  status.replaceChildren(h('span', {}, 'Press ', h('b', {}, task.action), ' or Ctrl+Enter.'));
  if (runNow) run();
}

function showError(error, status, result) {
  status.replaceChildren();
  if (!(error instanceof ServerError)) throw error;
  if (error.status === 401) askKey();
  const wait = error.wait ? ` Try again in ${error.wait} s.` : '';
  result.replaceChildren(h('div', {class: 'error', role: 'alert'}, h('b', {}, error.title), h('span', {}, error.message + wait)));
}

// ---- header

function setTheme(theme) {
  document.documentElement.style.colorScheme = theme;
}

$('theme').addEventListener('click', () => {
  const style = getComputedStyle(document.documentElement).colorScheme;
  const dark = style === 'dark' || (style !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  setTheme(dark ? 'light' : 'dark');
  localStorage.setItem('roberta-theme', dark ? 'light' : 'dark');
});
$('tabs').addEventListener('keydown', event => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  const all = [...$('tabs').children], at = all.indexOf(document.activeElement);
  const next = all[(at + step + all.length) % all.length];
  next.focus();
  next.click();
});
$('key-form').addEventListener('submit', event => {
  event.preventDefault();
  useKey($('key').value);
  load();
});
$('model').addEventListener('change', route);
addEventListener('hashchange', route);

const theme = localStorage.getItem('roberta-theme');
if (theme) setTheme(theme);
if (hasKey()) $('key').placeholder = 'the previous key was rejected';
load();
