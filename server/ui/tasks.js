// One entry for each tab: its form, its request, and how its response is shown.
//
//   id        name in the URL; the tab is shown if a model's `tasks` contain it
//   fields    the form: {name, label, kind, value, hint}; kind is text, line, number, list, check or an array of choices
//   request   from the form's values and the model: {path, body}
//   show      elements for the response
//   examples  values to fill in by a click

import {bars, h, marked, percent, points, short} from './dom.js';

const MASK = '<mask>';
const maskOf = model => model.mask_token ?? MASK;

// ---- fill-mask

/** The sentence with one mask filled, the new word marked. As in the tokenizer, <mask> includes the space before it. */
function filledSentence(text, mask, which, word) {
  const parts = text.split(mask), before = parts.slice(0, which + 1).join(mask), after = parts.slice(which + 1).join(mask);
  return [before.trimEnd() + (/^\s/.test(word) && before.trim() ? ' ' : ''), h('mark', {}, word.trim()), after];
}

function showFills(answer, values, model, edit) {
  const mask = maskOf(model), text = values.text.replaceAll(MASK, mask), perMask = Array.isArray(answer[0]) ? answer : [answer];
  const several = perMask.length > 1;
  const choose = (which, fill) => edit({text: filledSentence(text, mask, which, fill.token_str).map(part => part.textContent ?? part).join('')});
  return perMask.map((fills, which) => [
    several && h('h2', {}, `Mask ${which + 1} of ${perMask.length}`),
    bars(fills.map(fill => ({
      what: fill.token_str.trim() || JSON.stringify(fill.token_str),
      score: fill.score,
      more: filledSentence(text, mask, which, fill.token_str),
      hint: 'Insert this word and predict the other masks again',
      click: several && (() => choose(which, fill)),
    })), 'Words, most probable first'),
  ]);
}

const fillMask = {
  id: 'fill-mask', title: 'Fill mask', action: 'Fill',
  fields: [
    {name: 'text', label: 'Sentence', hint: `with ${MASK} in place of the word to predict`, kind: 'text', value: 'Paris is the <mask> of France.'},
    {name: 'top_k', label: 'Words', kind: 'number', value: 5, low: 1, high: 100},
    {name: 'targets', label: 'Only these', kind: 'list', value: '', hint: 'separated by commas', wide: true},
  ],
  insert: model => maskOf(model),
  request: (v, model) => ({
    path: '/pipelines/fill-mask',
    body: {inputs: v.text.replaceAll(MASK, maskOf(model)), parameters: {top_k: v.top_k, ...(v.targets.length && {targets: v.targets})}},
  }),
  show: showFills,
  examples: [
    {text: 'Paris is the <mask> of France.'}, {text: 'The <mask> of the house was painted <mask>.'},
    {text: 'She put the book on the <mask>.'}, {text: 'In the <mask> it is often very cold.', targets: 'winter, summer, north, south'},
  ],
};

// ---- text-classification, zero-shot

const classify = {
  id: 'text-classification', title: 'Classify', action: 'Classify',
  fields: [
    {name: 'text', label: 'Text', kind: 'text', value: 'What a wonderful film, I enjoyed every minute of it.'},
    {name: 'pair', label: 'Second text', hint: 'for models of text pairs; otherwise empty', kind: 'line', value: ''},
  ],
  request: v => ({
    path: '/pipelines/text-classification',
    body: {inputs: v.pair ? {text: v.text, text_pair: v.pair} : v.text, parameters: {top_k: null}},
  }),
  show: answer => {
    const labels = Array.isArray(answer[0]) ? answer[0] : answer;
    return bars(labels.map(l => ({
      what: l.label, score: l.score, number: l.score < 0 || l.score > 1 ? l.score.toFixed(4) : undefined,
    })), 'Labels, most probable first');
  },
  examples: [{text: 'What a wonderful film, I enjoyed every minute of it.'}, {text: 'The service was slow and the food was cold.'}],
};

const zeroShot = {
  id: 'zero-shot-classification', title: 'Zero-shot', action: 'Classify',
  fields: [
    {name: 'text', label: 'Text', kind: 'text', value: 'The new engine uses a third less fuel than the old one.'},
    {name: 'labels', label: 'Labels', kind: 'list', value: 'technology, sport, politics', hint: 'separated by commas', wide: true},
    {name: 'template', label: 'Sentence for a label', kind: 'line', value: 'This example is {}.', hint: '{} stands for the label'},
    {name: 'multi', label: 'Several may be true', kind: 'check', value: false},
  ],
  request: v => ({
    path: '/pipelines/zero-shot-classification',
    body: {inputs: v.text, parameters: {candidate_labels: v.labels, hypothesis_template: v.template, multi_label: v.multi}},
  }),
  show: answer => {
    const one = Array.isArray(answer) ? answer[0] : answer;
    if (!one.labels) return bars(answer.map(l => ({what: l.label, score: l.score})), 'Labels, most probable first');
    return bars(one.labels.map((label, i) => ({what: label, score: one.scores[i]})), 'Labels, most probable first');
  },
  examples: [{text: 'The new engine uses a third less fuel than the old one.', labels: 'technology, sport, politics'}],
};

// ---- token-classification

/** Each kind of label has one of eight colours: B-person and person are the same kind. */
function hueOf(label, known) {
  const kind = label.replace(/^[BIES]-/, '');
  if (!known.includes(kind)) known.push(kind);
  return known.indexOf(kind) % 8;
}

const tag = {
  id: 'token-classification', title: 'Tag', action: 'Tag',
  fields: [
    {name: 'text', label: 'Text', kind: 'text', value: 'Marie Curie was born in Warsaw and worked at the University of Paris.'},
    {name: 'aggregation', label: 'Groups', kind: ['simple', 'first', 'average', 'max', 'none'], value: 'simple'},
  ],
  request: v => ({
    path: '/pipelines/token-classification',
    body: {inputs: v.text, parameters: {aggregation_strategy: v.aggregation}},
  }),
  show: (answer, values) => {
    const tags = Array.isArray(answer[0]) ? answer[0] : answer, kinds = [];
    if (!tags.length) return h('p', {class: 'soft'}, 'No entities were found in this text.');
    const labelOf = t => t.entity_group ?? t.entity;
    return [
      marked(values.text, tags.map(t => ({
        start: t.start, end: t.end, label: labelOf(t), hue: hueOf(labelOf(t), kinds), title: `${labelOf(t)}, ${percent(t.score)}`,
      }))),
      bars(tags.map(t => ({
        what: points(values.text).slice(t.start, t.end).join(''), score: t.score, more: `${labelOf(t)}, characters ${t.start} to ${t.end}`,
      })), 'Entities in the order of the text'),
    ];
  },
  examples: [{text: 'Marie Curie was born in Warsaw and worked at the University of Paris.'}, {text: 'Toyota opened a new factory near Nagoya in 1966.'}],
};

// ---- question-answering

const answer = {
  id: 'question-answering', title: 'Answer', action: 'Answer',
  fields: [
    {name: 'question', label: 'Question', kind: 'line', value: 'Where was Marie Curie born?'},
    {name: 'context', label: 'Text that holds the answer', kind: 'text', value:
      'Marie Curie was a physicist and chemist. She was born in Warsaw in 1867, moved to Paris to study, and won the Nobel Prize twice.'},
    {name: 'top_k', label: 'Answers', kind: 'number', value: 3, low: 1, high: 20},
  ],
  request: v => ({
    path: '/pipelines/question-answering',
    body: {inputs: {question: v.question, context: v.context}, parameters: {top_k: v.top_k}},
  }),
  show: (found, values) => {
    const answers = Array.isArray(found) ? found : [found], best = answers[0];
    if (!best) return h('p', {class: 'soft'}, 'No answer was found.');
    return [
      marked(values.context, [{start: best.start, end: best.end, title: percent(best.score)}]),
      bars(answers.map(a => ({what: a.answer || '(no answer in the text)', score: a.score, more: `characters ${a.start} to ${a.end}`})),
        'Answers, best first'),
    ];
  },
  examples: [{question: 'What did Marie Curie win?'}, {question: 'When was she born?'}],
};

// ---- embed

/** A vector as a strip of colours: blue below zero, orange above; `max` has the strongest colour. */
function strip(vector, max) {
  const canvas = h('canvas', {class: 'strip', width: vector.length, height: 1, role: 'img',
    'aria-label': `${vector.length} numbers from ${Math.min(...vector).toFixed(3)} to ${Math.max(...vector).toFixed(3)}`});
  const pen = canvas.getContext('2d'), image = pen.createImageData(vector.length, 1);
  vector.forEach((value, i) => {
    const part = Math.min(1, Math.abs(value) / max), far = value < 0 ? [31, 90, 170] : [214, 96, 20];
    far.forEach((to, c) => { image.data[i * 4 + c] = 247 + (to - 247) * part; });
    image.data[i * 4 + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}

const embed = {
  id: 'embed', title: 'Embed', action: 'Compare',
  fields: [
    {name: 'first', label: 'First text', kind: 'text', value: 'The cat sat on the warm stones.'},
    {name: 'second', label: 'Second text', kind: 'text', value: 'A kitten was lying in the sun.'},
  ],
  request: v => ({path: '/embed', body: {inputs: [v.first, v.second], normalize: true, truncate: true}}),
  show: ([a, b], values) => {
    const cosine = a.reduce((sum, value, i) => sum + value * b[i], 0);
    // Otherwise the few huge values of these models would leave the rest white.
    const sizes = [...a, ...b].map(Math.abs).sort((x, y) => x - y), max = sizes[Math.floor(sizes.length * 0.97)] || 1;
    return [
      h('p', {}, h('span', {class: 'figure'}, cosine.toFixed(4)), h('span', {class: 'soft'}, ' cosine similarity')),
      h('dl', {class: 'strips'}, [[values.first, a], [values.second, b], ['Difference', a.map((value, i) => value - b[i])]]
        .map(([name, vector]) => [h('dt', {}, name), h('dd', {}, strip(vector, max))])),
      h('p', {class: 'soft'}, `${a.length} numbers each; blue below zero, orange above.`),
    ];
  },
  examples: [{first: 'The cat sat on the warm stones.', second: 'A kitten was lying in the sun.'},
    {first: 'The bank raised its rates.', second: 'We sat on the bank of the river.'}],
};

// ---- tokens

function showTokens([tokens], values) {
  const place = h('div', {}, marked(values.text, []));
  const point = (token, on) => {
    const known = on && token.start != null;
    place.replaceChildren(marked(values.text, known ? [{start: token.start, end: token.stop}] : []));
  };
  const own = tokens.filter(t => !t.special).length, letters = points(values.text).length;
  return [
    place,
    h('ol', {class: 'chips', 'aria-label': 'Tokens; the one in focus is marked in the text above'}, tokens.map((token, i) => h('li', {},
      h('button', {type: 'button', class: `chip ${token.special ? 'special' : 'hue' + i % 8}`,
        title: token.start == null ? 'added by the tokenizer' : `characters ${token.start} to ${token.stop}`,
        onmouseenter: () => point(token, true), onmouseleave: () => point(token, false),
        onfocus: () => point(token, true), onblur: () => point(token, false)},
      h('b', {}, token.text.replaceAll(' ', '·').replaceAll('\n', '⏎') || '∅'),
      h('small', {}, token.id, token.start == null ? '' : ` [${token.start}, ${token.stop})`))))),
    h('p', {class: 'soft'}, `${tokens.length} tokens, ${own} of the text; ${letters} characters` +
      (own ? `, ${short(letters / own)} per token` : '') + '. A pair of numbers is the offset in the text, in code points.'),
  ];
}

const tokens = {
  id: 'tokens', title: 'Tokens', action: 'Tokenize',
  fields: [{name: 'text', label: 'Text', kind: 'text', value: 'Tokenizers cut unfamiliar words; naïve café owners too.'},
    {name: 'special', label: 'With <s> and </s>', kind: 'check', value: true}],
  request: v => ({path: '/tokenize', body: {inputs: v.text, add_special_tokens: v.special}}),
  show: showTokens,
  examples: [{text: 'Tokenizers cut unfamiliar words; naïve café owners too.'}, {text: 'Paris is the <mask> of France.'}, {text: '    return x+1'}],
};

export const tasks = [fillMask, classify, tag, answer, zeroShot, embed, tokens];
