// Requests to the server: key, error texts, the same request as a curl command.

const STORE = 'roberta-key';
let key = sessionStorage.getItem(STORE) ?? '';

export const hasKey = () => key !== '';
export function useKey(value) {
  key = value.trim();
  sessionStorage.setItem(STORE, key);
}

/** The pages are at /ui and /docs, possibly after a proxy's prefix; routes are relative to them. */
const root = new URL('.', location.href.split(/[?#]/)[0]);
export const addressOf = path => new URL(path.replace(/^\//, ''), root).href;

export class ServerError extends Error {
  constructor(status, title, message, wait) {
    super(message);
    Object.assign(this, {status, title, wait});
  }
}

const TITLES = {
  0: 'The server can’t be reached',
  400: 'Invalid request',
  401: 'The server needs an API key',
  404: 'Route or model not found',
  408: 'The request took too long to arrive',
  413: 'The request is too large',
  422: 'Invalid input',
  424: 'The model can’t do this',
  429: 'The server is busy',
  431: 'The request’s headers are too long',
  500: 'Internal server error',
  503: 'The server isn’t ready',
  504: 'The request timed out',
};

async function errorOf(response) {
  const text = await response.text();
  let message = text;
  try {
    const body = JSON.parse(text);
    message = typeof body.error === 'string' ? body.error : body.message ?? body.error?.message ?? text;
  } catch { /* not JSON: the text itself */ }
  const wait = Number(response.headers.get('retry-after')) || 0;
  const title = TITLES[response.status] ?? `Status ${response.status}`;
  return new ServerError(response.status, title, message.trim(), wait);
}

/** Sends with the key, if there is one. `body` is text. Throws ServerError without a response, or AbortError. */
export async function send(method, path, body, {headers = {}, signal} = {}) {
  if (key) headers = {...headers, Authorization: `Bearer ${key}`};
  try {
    return await fetch(addressOf(path), {method, headers, body, signal, cache: "no-store"});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError(0, TITLES[0], 'It may have been stopped, or the network is down.');
  }
}

/** A JSON request: {data, milliseconds, headers}. Throws ServerError for every status but 2xx. */
export async function call(path, body, signal) {
  const start = performance.now();
  const response = body === undefined ? await send('GET', path, undefined, {signal})
    : await send('POST', path, JSON.stringify(body), {signal, headers: {'Content-Type': 'application/json'}});
  if (!response.ok) throw await errorOf(response);
  const type = response.headers.get('content-type') ?? '';
  const data = type.includes('json') ? await response.json() : await response.text();
  return {data, milliseconds: performance.now() - start, headers: response.headers};
}

const quoted = text => `'${text.replaceAll("'", `'\\''`)}'`;

/** For a shell. `body` is JSON or plain text. The key is replaced by $ROBERTA_KEY. */
export function curlOf(path, body, method = body === undefined ? 'GET' : 'POST') {
  const words = [`curl ${method === 'POST' && body === undefined ? '-X POST ' : ''}${quoted(addressOf(path))}`];
  if (key) words.push(`-H "Authorization: Bearer $ROBERTA_KEY"`);
  if (body !== undefined) {
    words.push(`-H 'Content-Type: application/json'`, `-d ${quoted(typeof body === 'string' ? body : JSON.stringify(body))}`);
  }
  return words.join(' \\\n  ');
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);  // only on https and localhost
    return true;
  } catch {
    return false;
  }
}
