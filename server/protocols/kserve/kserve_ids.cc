#include "server/protocols/kserve/kserve_ids.h"

#include <algorithm>
#include <numeric>

#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "tasks/decoding/probabilities.h"

namespace roberta::server {
namespace {

using Type = OutputTensor::Type;

constexpr int64_t kMostCandidates = 100'000;  // of one reply

OutputTensor make_output(const char* name, Type type, std::vector<int64_t> shape = {}) {
  return {.name = name, .shape = std::move(shape), .texts = {}, .numbers = {}, .floats = {}, .type = type};
}

int64_t count(size_t n) { return static_cast<int64_t>(n); }

const InputTensor* find_numbers(const InferRequest& request, std::string_view name) {
  for (const InputTensor& tensor : request.inputs) {
    if (tensor.name != name) continue;
    if (tensor.is_text) refuse("input '" + tensor.name + "' must be INT64");
    return &tensor;
  }
  return nullptr;
}

/// Of one row, the tokens where the mask is 1: they must be neighbours, as packed sequences have no holes.
Model::Ids cut_row(std::span<const int64_t> ids, std::span<const int64_t> mask, size_t row) {
  Model::Ids out;
  int changes = 0;
  int64_t last = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t here = mask.empty() ? 1 : mask[i];
    if (here != 0 && here != 1) refuse("'attention_mask' must hold 0 and 1");
    changes += here == 1 && last == 0;
    last = here;
    if (here == 0) continue;
    if (ids[i] < 0 || ids[i] > INT32_MAX)
      refuse("'input_ids' row " + std::to_string(row) + ": " + std::to_string(ids[i]) + " is no token");
    out.push_back(static_cast<int32_t>(ids[i]));
  }
  if (changes != 1)
    refuse("row " + std::to_string(row) +
           (changes == 0 ? " has no token: 'attention_mask' is 0 everywhere"
                         : ": the tokens of 'attention_mask' 1 must be neighbours"));
  return out;
}

std::vector<Model::Ids> sequences_of(const InferRequest& request) {
  const InputTensor& ids = *find_numbers(request, "input_ids");
  const InputTensor* mask = find_numbers(request, "attention_mask");
  const InputTensor* types = find_numbers(request, "token_type_ids");
  if (request.inputs.size() != size_t{1} + (mask != nullptr) + (types != nullptr))
    refuse("beside 'input_ids' only 'attention_mask' and 'token_type_ids' may be given");
  if (mask && mask->shape != ids.shape) refuse("'attention_mask' must have the shape of 'input_ids'");
  if (types &&
      std::any_of(types->numbers.begin(), types->numbers.end(), [](int64_t type) { return type != 0; }))
    refuse("'token_type_ids' must be 0: RoBERTa has one type of tokens");
  if (ids.shape.empty() || ids.shape.size() > 2 || ids.numbers.empty())
    refuse("'input_ids' must have the shape [n,length], and hold tokens");
  const auto length = static_cast<size_t>(ids.shape.back());
  std::vector<Model::Ids> out;
  for (size_t begin = 0; begin < ids.numbers.size(); begin += length) {
    const std::span<const int64_t> all(ids.numbers);
    const std::span<const int64_t> row_mask =
        mask ? std::span<const int64_t>(mask->numbers).subspan(begin, length) : std::span<const int64_t>();
    out.push_back(cut_row(all.subspan(begin, length), row_mask, out.size()));
  }
  return out;
}

std::vector<OutputTensor> fill_ids(Exchange& exchange, const std::vector<Model::Ids>& sequences, int top_k) {
  const Tokenizer& tokenizer = exchange.model().tokenizer();
  std::vector<TokenPosition> positions;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const size_t before = positions.size();
    for (size_t i = 0; i < sequences[s].size(); ++i) {
      if (sequences[s][i] == tokenizer.mask_id())
        positions.push_back({static_cast<int32_t>(s), static_cast<int32_t>(i)});
    }
    if (positions.size() == before)
      refuse("'input_ids' row " + std::to_string(s) + " has no " + tokenizer.mask_token() + " (" +
             std::to_string(tokenizer.mask_id()) + ")");
  }
  const int64_t candidates = std::max(1, top_k);
  if (count(positions.size()) * candidates > kMostCandidates)
    refuse("that many masks and candidates are more than one request may have; send fewer");
  FillTensors out(top_k > 0);
  const auto answers = exchange.model().mlm_candidates(sequences, positions, candidates);
  for (size_t r = 0; r < answers.size(); ++r) {
    out.begin_mask(positions[r].sequence);
    for (const TokenCandidate& c : answers[r])
      out.add(stripped(tokenizer.decode(std::span(&c.token, 1))), c.token, c.probability);
  }
  return std::move(out).tensors();
}

LabelFunction function_of(const ModelInfo& info, LabelFunction wish) {
  if (wish != LabelFunction::kDefault) return wish;
  if (info.problem_type == "regression") return LabelFunction::kNone;
  return info.labels.size() > 1 && info.problem_type != "multi_label_classification"
             ? LabelFunction::kSoftmax
             : LabelFunction::kSigmoid;
}

std::vector<LabelScore> ranked(const ModelInfo& info, std::span<const float> row, LabelFunction function,
                               int top_k) {
  std::vector<float> scores(row.begin(), row.end());
  if (function == LabelFunction::kSoftmax) softmax(scores);
  if (function == LabelFunction::kSigmoid) {
    for (float& score : scores) score = sigmoid(score);
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(1, top_k))));
  std::vector<LabelScore> out;
  for (const size_t label : order) out.push_back({info.labels.at(label), scores[label]});
  return out;
}

std::vector<OutputTensor> label_ids(Exchange& exchange, const std::vector<Model::Ids>& sequences,
                                    const TaskOptions& wishes) {
  const ModelInfo& info = exchange.model().info();
  Matrix logits = exchange.model().sequence_logits(sequences);
  const LabelFunction function = function_of(info, wishes.function);
  std::vector<std::vector<LabelScore>> answers;
  for (int64_t r = 0; r < logits.rows; ++r)
    answers.push_back(ranked(info, logits.row(r), function, wishes.top_k));
  std::vector<OutputTensor> out = label_tensors(answers, wishes.top_k > 0);
  out.push_back(make_output("logits", Type::kFloat, {logits.rows, logits.cols}));
  out.back().floats = std::move(logits.data);
  return out;
}

}  // namespace

FillTensors::FillTensors(bool columns)
    : columns_(columns),
      word_(make_output("output-0", Type::kText)),
      token_(make_output("token", Type::kNumber)),
      score_(make_output("score", Type::kFloat)),
      text_(make_output("text_index", Type::kNumber)) {}

void FillTensors::begin_mask(int64_t text) { text_.numbers.push_back(text); }

void FillTensors::add(std::string_view word, int32_t token, float score) {
  word_.texts.emplace_back(word);
  token_.numbers.push_back(token);
  score_.floats.push_back(score);
}

std::vector<OutputTensor> FillTensors::tensors() && {
  const int64_t masks = count(text_.numbers.size());
  text_.shape = {masks};
  std::vector<int64_t> shape = {masks};
  if (columns_) shape.push_back(masks == 0 ? 0 : count(word_.texts.size()) / masks);
  word_.shape = token_.shape = score_.shape = shape;
  return {std::move(word_), std::move(token_), std::move(score_), std::move(text_)};
}

std::vector<OutputTensor> label_tensors(const std::vector<std::vector<LabelScore>>& answers, bool columns) {
  OutputTensor label = make_output("label", Type::kText), score = make_output("score", Type::kFloat);
  for (const std::vector<LabelScore>& labels : answers) {
    for (const LabelScore& one : labels) {
      label.texts.push_back(one.label);
      score.floats.push_back(one.score);
    }
  }
  std::vector<int64_t> shape = {count(answers.size())};
  if (columns) shape.push_back(answers.empty() ? 0 : count(answers[0].size()));
  label.shape = score.shape = shape;
  return {std::move(label), std::move(score)};
}

std::vector<OutputTensor> vector_tensors(const std::vector<Matrix>& vectors) {
  OutputTensor out =
      make_output("embedding", Type::kFloat, {count(vectors.size()), vectors.empty() ? 0 : vectors[0].cols});
  for (const Matrix& vector : vectors)
    out.floats.insert(out.floats.end(), vector.data.begin(), vector.data.end());
  return {std::move(out)};
}

std::vector<OutputTensor> infer_ids(Exchange& exchange, const ServedModel& served,
                                    const InferRequest& request, const TaskOptions& wishes) {
  const std::vector<Model::Ids> sequences = sequences_of(request);
  int64_t tokens = 0;
  for (const Model::Ids& ids : sequences) tokens += count(ids.size());
  count_inputs(exchange, sequences.size(), tokens, "inputs");
  switch (main_task_of(served.shared->info())) {
    case Task::kFillMask:
      return fill_ids(exchange, sequences, wishes.top_k);
    case Task::kEmbed: {
      EmbedOptions options = default_embedding(served.shared->info());
      options.normalize = wishes.normalize.value_or(options.normalize);
      return vector_tensors(embed_ids(exchange.model(), sequences, options));
    }
    case Task::kClassify:
      return label_ids(exchange, sequences, wishes);
    default:
      refuse("model '" + served.name + "' (" + served.shared->info().task +
             ") takes texts (BYTES), not tokens");
  }
}

}  // namespace roberta::server
