// The page at /docs: human-readable /openapi.json, each operation with its schemas, an example and a button to send it.

import {curlOf, send, useKey} from './client.js';
import {h} from './dom.js';

const about = document.getElementById('about'), list = document.getElementById('operations');
let document_ = {};

const resolve = thing => thing?.$ref
  ? {...thing.$ref.slice(2).split('/').reduce((at, name) => at[name.replaceAll('~1', '/').replaceAll('~0', '~')], document_), name: thing.$ref.split('/').at(-1)}
  : thing ?? {};

/** Text in which `words` between backquotes are code. */
const prose = text => (text ?? '').split('`').map((part, i) => i % 2 ? h('code', {}, part) : part);

// ---- schemas

function typeOf(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(' | ');
  const types = [schema.type ?? (schema.properties ? 'object' : '')].flat();
  return types.map(type => type === 'array' && schema.items ? `array of ${typeOf(resolve(schema.items)) || 'alternatives'}` : type).filter(Boolean).join(' or ');
}

function limitsOf(schema) {
  const words = [];
  const range = (low, high, what) => {
    if (low != null && high != null) words.push(`${low} to ${high}${what}`);
    else if (low != null) words.push(`at least ${low}${what}`);
    else if (high != null) words.push(`at most ${high}${what}`);
  };
  range(schema.minimum, schema.maximum, '');
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.pattern) words.push(`matches ${schema.pattern}`);
  if (schema.default !== undefined) words.push(`default ${JSON.stringify(schema.default)}`);
  return words.join(', ');
}

/** A schema as nested lists; `seen` stops recursive schemas. */
function schemaTree(given, seen = []) {
  const schema = resolve(given);
  if (schema.name && seen.includes(schema.name)) return h('span', {class: 'type'}, schema.name);
  const inner = schema.name ? [...seen, schema.name] : seen;
  const out = [];
  const choices = schema.oneOf ?? schema.anyOf;
  const facts = [typeOf(schema), limitsOf(schema)].filter(Boolean).join('; ');
  if (facts && !(choices && !schema.type)) out.push(h('span', {class: 'type'}, facts));
  if (schema.description) out.push(' ', prose(schema.description));
  if (choices) {
    out.push(h('span', {class: 'type'}, ' one of'),
      h('ul', {class: 'schema'}, choices.map(choice => h('li', {}, schemaTree(choice, inner)))));
  }
  if (schema.properties) {
    out.push(h('ul', {class: 'schema'}, Object.entries(schema.properties).map(([name, property]) => h('li', {},
      h('code', {}, name), schema.required?.includes(name) ? h('b', {}, ' * ') : ' ', schemaTree(property, inner)))));
  }
  if (schema.items && schema.type) {
    const items = resolve(schema.items);
    if (items.properties || items.oneOf || items.anyOf || items.items)
      out.push(h('ul', {class: 'schema'}, h('li', {}, h('span', {class: 'type'}, 'each: '), schemaTree(schema.items, inner))));
  }
  return h('span', {}, ...out.flat());
}

// ---- an operation

const exampleOf = media => media?.example ?? Object.values(media?.examples ?? {})[0]?.value ?? resolve(media?.schema).examples?.[0];
const written = (type, value) => value === undefined ? '' : type.includes('json') ? JSON.stringify(value, null, 2) : String(value);

/** Input fields for the parameters, and the path with their values. */
function parameterInputs(path, parameters) {
  const inputs = parameters.map(parameter => [parameter, h('input', {type: 'text', value: parameter.example ?? '', 'aria-label': parameter.name})]);
  const table = h('table', {}, h('tbody', {}, inputs.map(([parameter, input]) => h('tr', {},
    h('th', {scope: 'row'}, h('code', {}, parameter.name), ` (${parameter.in})`), h('td', {}, prose(parameter.description), input)))));
  const address = () => {
    let filled = path;
    const query = new URLSearchParams(), headers = {};
    for (const [parameter, input] of inputs) {
      if (parameter.in === 'path') filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === 'query' && input.value) query.set(parameter.name, input.value);
      else if (parameter.in === 'header' && input.value) headers[parameter.name] = input.value;
    }
    return {path: filled + (query.size ? '?' + query : ''), headers};
  };
  return {table: inputs.length ? table : null, address};
}

async function show(method, address, body, type, out) {
  out.replaceChildren('Waiting for the server…');
  try {
    const start = performance.now();
    const response = await send(method, address.path, body, {headers: {...address.headers, ...(body !== undefined && {'Content-Type': type})}});
    let text = await response.text();
    try { text = JSON.stringify(JSON.parse(text), null, 1); } catch { /* not JSON */ }
    const took = (performance.now() - start).toFixed(1);
    out.replaceChildren(h('p', {class: 'status'}, `${response.status} in ${took} ms, ${response.headers.get('content-type') ?? 'no body'}`),
      h('pre', {tabindex: '0'}, text.length > 20000 ? text.slice(0, 20000) + '\n…' : text || '(empty)'));
  } catch (error) {
    out.replaceChildren(h('p', {class: 'error'}, h('b', {}, error.title ?? 'No response'), error.message));
  }
}

function operationElement(path, method, operation, shared) {
  const parameters = [...(shared ?? []), ...(operation.parameters ?? [])].map(resolve).filter(parameter => parameter.in !== 'header' || parameter.required);
  const [type, media] = Object.entries(resolve(operation.requestBody).content ?? {})[0] ?? [];
  const area = type && h('textarea', {'aria-label': 'Body', spellcheck: 'false', rows: 8}, written(type, exampleOf(media)));
  const {table, address} = parameterInputs(path, parameters), out = h('div', {'aria-live': 'polite'}), verb = method.toUpperCase();
  const curl = h('pre', {hidden: true});
  const inside = () => [
    operation.description && h('p', {}, prose(operation.description)),
    table && [h('h3', {}, 'Parameters'), table],
    area && [h('h3', {}, `Body (${type})`), area, media.schema && h('details', {}, h('summary', {}, 'Schema'), schemaTree(media.schema))],
    h('p', {class: 'actions'},
      h('button', {type: 'button', class: 'main', onclick: () => show(verb, address(), area?.value, type, out)}, 'Try'),
      h('button', {type: 'button', onclick: () => {
        curl.textContent = curlOf(address().path, area?.value, verb);
        curl.hidden = false;
      }}, 'As curl')),
    curl, out,
    h('h3', {}, 'Responses'),
    h('table', {}, h('tbody', {}, Object.entries(operation.responses).map(([status, given]) => {
      const response = resolve(given), [kind, content] = Object.entries(response.content ?? {})[0] ?? [];
      return h('tr', {}, h('th', {scope: 'row'}, status), h('td', {}, prose(response.description),
        content?.schema && h('details', {}, h('summary', {}, kind), schemaTree(content.schema),
          exampleOf(content) !== undefined && h('pre', {}, written(kind, exampleOf(content))))));
    }))),
  ].flat(2).filter(Boolean);
  const body = h('div', {class: 'inside'});
  // Filled when first opened: several hundred schemas at once would be slow.
  return h('details', {class: 'op card', id: operation.operationId, ontoggle: () => { if (!body.childNodes.length) body.append(...inside()); }},
    h('summary', {}, h('span', {class: `verb ${method}`}, verb), h('code', {}, path), h('span', {class: 'soft'}, prose(operation.summary))), body);
}

// ---- the page

function keyField() {
  const input = h('input', {id: 'key', type: 'password', spellcheck: 'false', autocomplete: 'current-password'});
  return h('form', {class: 'options', onsubmit: event => {
    event.preventDefault();
    useKey(input.value);
  }}, h('label', {for: 'key'}, 'API key, if the server needs one'), input, h('button', {type: 'submit'}, 'Use it'));
}

async function load() {
  const response = await send('GET', '/openapi.json');
  document_ = await response.json();
  about.replaceChildren(h('p', {}, prose(document_.info.description)),
    h('p', {class: 'soft'}, `${document_.info.title} ${document_.info.version}, OpenAPI ${document_.openapi}`), keyField());
  for (const tag of document_.tags) {
    list.append(h('h2', {class: 'group'}, tag.name), h('p', {class: 'soft'}, prose(tag.description)));
    for (const [path, item] of Object.entries(document_.paths)) {
      for (const [method, operation] of Object.entries(item))
        if (operation.tags?.includes(tag.name)) list.append(operationElement(path, method, operation, item.parameters));
    }
  }
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

load().catch(error => about.replaceChildren(h('p', {class: 'error'}, h('b', {}, error.title ?? 'openapi.json can’t be read'), error.message)));
