#include "infer/forward.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace roberta {
namespace {

void check(const Forward::Shape& shape, std::span<const Forward::Ids> sequences) {
  for (size_t s = 0; s < sequences.size(); ++s) {
    const Forward::Ids& ids = sequences[s];
    if (ids.empty()) fail(ErrorCode::kInput, "[model] sequence ", s, " is empty");
    if (static_cast<int64_t>(ids.size()) > shape.max_length) {
      fail(ErrorCode::kInput, "[model] sequence ", s, " has ", ids.size(),
           " tokens; the model takes at most ", shape.max_length);
    }
    for (size_t t = 0; t < ids.size(); ++t) {
      if (ids[t] < 0 || ids[t] >= shape.vocab_size) {
        fail(ErrorCode::kInput, "[model] sequence ", s, ", token ", t, ": id ", ids[t],
             " is outside the model's vocabulary of ", shape.vocab_size,
             "; do tokenizer and model belong together?");
      }
    }
  }
}

void check(std::span<const Forward::Ids> sequences, std::span<const TokenPosition> positions) {
  for (size_t i = 0; i < positions.size(); ++i) {
    const TokenPosition p = positions[i];
    if (p.sequence < 0 || static_cast<size_t>(p.sequence) >= sequences.size() || p.token < 0 ||
        static_cast<size_t>(p.token) >= sequences[static_cast<size_t>(p.sequence)].size()) {
      fail(ErrorCode::kInput, "[model] position ", i, ": token ", p.token, " of sequence ", p.sequence,
           " does not exist");
    }
  }
}

}  // namespace

void Forward::need_mlm_head() const {
  if (!shape().has_mlm_head)
    fail(ErrorCode::kModel, "[model] the model has no masked-language-model head (lm_head)");
}

void Forward::need_classifier(HeadKind head) const {
  if (shape().head == head && shape().labels > 0) return;
  fail(ErrorCode::kModel, "[model] the model is a ", architecture_of_head(shape().head), ", not a ",
       architecture_of_head(head));
}

Request Forward::make_request(Request::Kind kind, std::span<const Ids> sequences) const {
  check(shape(), sequences);
  Request request{.kind = kind, .sequences = sequences};
  request.begins.resize(sequences.size() + 1);
  return request;
}

Request Forward::request_at(Request::Kind kind, std::span<const Ids> sequences,
                            std::span<const TokenPosition> positions,
                            std::span<const int32_t> targets) const {
  Request request = make_request(kind, sequences);
  check(sequences, positions);
  for (const TokenPosition p : positions) ++request.begins[static_cast<size_t>(p.sequence) + 1];
  std::partial_sum(request.begins.begin(), request.begins.end(), request.begins.begin());
  std::vector<int64_t> next = request.begins;
  request.outputs.resize(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const int64_t at = next[static_cast<size_t>(positions[i].sequence)]++;
    request.outputs[static_cast<size_t>(at)] = {positions[i].token, targets.empty() ? 0 : targets[i],
                                                static_cast<int64_t>(i)};
  }
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::stable_sort(request.outputs.begin() + request.begins[s],
                     request.outputs.begin() + request.begins[s + 1],
                     [](const Request::Output& a, const Request::Output& b) { return a.token < b.token; });
  }
  return request;
}

Request Forward::request_at_first(Request::Kind kind, std::span<const Ids> sequences) const {
  Request request = make_request(kind, sequences);
  std::iota(request.begins.begin(), request.begins.end(), int64_t{0});
  for (size_t s = 0; s < sequences.size(); ++s) request.outputs.push_back({0, 0, static_cast<int64_t>(s)});
  return request;
}

Request Forward::request_everywhere(Request::Kind kind, std::span<const Ids> sequences) const {
  Request request = make_request(kind, sequences);
  for (size_t s = 0; s < sequences.size(); ++s) request.begins[s + 1] = request.begins[s] + request.tokens(s);
  return request;
}

Matrix Forward::result_of(Request& request, size_t rows, int64_t cols) {
  request.out = {static_cast<int64_t>(rows), cols, std::vector<float>(rows * static_cast<size_t>(cols))};
  if (request.begins.back() > 0) run(request);
  return std::move(request.out);
}

Matrix Forward::mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  need_mlm_head();
  Request request = request_at(Request::Kind::kMlmLogits, sequences, positions);
  return result_of(request, positions.size(), shape().vocab_size);
}

std::vector<std::vector<TokenCandidate>> Forward::mlm_candidates(std::span<const Ids> sequences,
                                                                 std::span<const TokenPosition> positions,
                                                                 int64_t top) {
  need_mlm_head();
  Request request = request_at(Request::Kind::kMlmCandidates, sequences, positions);
  request.top = top;
  request.candidates.resize(positions.size());
  if (!positions.empty()) run(request);
  return std::move(request.candidates);
}

std::vector<float> Forward::mlm_log_probs(std::span<const Ids> sequences,
                                          std::span<const TokenPosition> positions,
                                          std::span<const int32_t> targets) {
  need_mlm_head();
  if (targets.size() != positions.size()) {
    fail(ErrorCode::kInput, "[model] ", positions.size(), " positions but ", targets.size(), " targets");
  }
  for (int32_t t : targets) {
    if (t < 0 || t >= shape().vocab_size)
      fail(ErrorCode::kInput, "[model] target ", t, " is outside the vocabulary");
  }
  Request request = request_at(Request::Kind::kMlmLogProbs, sequences, positions, targets);
  return result_of(request, positions.size(), 1).data;
}

Matrix Forward::hidden_states(std::span<const Ids> sequences, std::span<const int> layers) {
  Request request = request_everywhere(Request::Kind::kHiddenStates, sequences);
  const int64_t count = shape().layers;
  for (int layer : layers) {
    const int64_t at = layer < 0 ? count + 1 + layer : layer;
    if (at < 0 || at > count) {
      fail(ErrorCode::kUsage, "[model] layer ", layer,
           " does not exist; the model has layers 0 (embeddings) to ", count);
    }
    request.layers.push_back(at);
  }
  return result_of(request, static_cast<size_t>(request.begins.back()),
                   shape().hidden_size * static_cast<int64_t>(layers.size()));
}

Matrix Forward::first_tokens(std::span<const Ids> sequences) {
  Request request = request_at_first(Request::Kind::kFirstTokens, sequences);
  return result_of(request, sequences.size(), shape().hidden_size);
}

Matrix Forward::sequence_logits(std::span<const Ids> sequences) {
  need_classifier(HeadKind::kSequenceClassification);
  Request request = request_at_first(Request::Kind::kSequenceLogits, sequences);
  return result_of(request, sequences.size(), shape().labels);
}

Matrix Forward::token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  need_classifier(HeadKind::kTokenClassification);
  Request request = request_at(Request::Kind::kTokenLogits, sequences, positions);
  return result_of(request, positions.size(), shape().labels);
}

Matrix Forward::span_logits(std::span<const Ids> sequences) {
  need_classifier(HeadKind::kQuestionAnswering);
  Request request = request_everywhere(Request::Kind::kSpanLogits, sequences);
  return result_of(request, static_cast<size_t>(request.begins.back()), shape().labels);
}

}  // namespace roberta
