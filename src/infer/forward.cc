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

Work Forward::work_of(Work::Kind kind, std::span<const Ids> sequences) const {
  check(shape(), sequences);
  Work work{.kind = kind, .sequences = sequences};
  work.begins.resize(sequences.size() + 1);
  return work;
}

Work Forward::work_at(Work::Kind kind, std::span<const Ids> sequences,
                      std::span<const TokenPosition> positions, std::span<const int32_t> targets) const {
  Work work = work_of(kind, sequences);
  check(sequences, positions);
  for (const TokenPosition p : positions) ++work.begins[static_cast<size_t>(p.sequence) + 1];
  std::partial_sum(work.begins.begin(), work.begins.end(), work.begins.begin());
  std::vector<int64_t> next = work.begins;
  work.answers.resize(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const int64_t at = next[static_cast<size_t>(positions[i].sequence)]++;
    work.answers[static_cast<size_t>(at)] = {positions[i].token, targets.empty() ? 0 : targets[i],
                                             static_cast<int64_t>(i)};
  }
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::stable_sort(work.answers.begin() + work.begins[s], work.answers.begin() + work.begins[s + 1],
                     [](const Work::Answer& a, const Work::Answer& b) { return a.token < b.token; });
  }
  return work;
}

Work Forward::work_at_first(Work::Kind kind, std::span<const Ids> sequences) const {
  Work work = work_of(kind, sequences);
  std::iota(work.begins.begin(), work.begins.end(), int64_t{0});
  for (size_t s = 0; s < sequences.size(); ++s) work.answers.push_back({0, 0, static_cast<int64_t>(s)});
  return work;
}

Work Forward::work_everywhere(Work::Kind kind, std::span<const Ids> sequences) const {
  Work work = work_of(kind, sequences);
  for (size_t s = 0; s < sequences.size(); ++s) work.begins[s + 1] = work.begins[s] + work.tokens(s);
  return work;
}

Matrix Forward::answer(Work& work, size_t rows, int64_t cols) {
  work.out = {static_cast<int64_t>(rows), cols, std::vector<float>(rows * static_cast<size_t>(cols))};
  if (work.begins.back() > 0) run(work);
  return std::move(work.out);
}

Matrix Forward::mlm_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  need_mlm_head();
  Work work = work_at(Work::Kind::kMlmLogits, sequences, positions);
  return answer(work, positions.size(), shape().vocab_size);
}

std::vector<std::vector<TokenCandidate>> Forward::mlm_candidates(std::span<const Ids> sequences,
                                                                 std::span<const TokenPosition> positions,
                                                                 int64_t top) {
  need_mlm_head();
  Work work = work_at(Work::Kind::kMlmCandidates, sequences, positions);
  work.top = top;
  work.candidates.resize(positions.size());
  if (!positions.empty()) run(work);
  return std::move(work.candidates);
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
  Work work = work_at(Work::Kind::kMlmLogProbs, sequences, positions, targets);
  return answer(work, positions.size(), 1).data;
}

Matrix Forward::hidden_states(std::span<const Ids> sequences, std::span<const int> layers) {
  Work work = work_everywhere(Work::Kind::kHiddenStates, sequences);
  const int64_t count = shape().layers;
  for (int layer : layers) {
    const int64_t at = layer < 0 ? count + 1 + layer : layer;
    if (at < 0 || at > count) {
      fail(ErrorCode::kUsage, "[model] layer ", layer,
           " does not exist; the model has layers 0 (embeddings) to ", count);
    }
    work.layers.push_back(at);
  }
  return answer(work, static_cast<size_t>(work.begins.back()),
                shape().hidden_size * static_cast<int64_t>(layers.size()));
}

Matrix Forward::first_tokens(std::span<const Ids> sequences) {
  Work work = work_at_first(Work::Kind::kFirstTokens, sequences);
  return answer(work, sequences.size(), shape().hidden_size);
}

Matrix Forward::sequence_logits(std::span<const Ids> sequences) {
  need_classifier(HeadKind::kSequenceClassification);
  Work work = work_at_first(Work::Kind::kSequenceLogits, sequences);
  return answer(work, sequences.size(), shape().labels);
}

Matrix Forward::token_logits(std::span<const Ids> sequences, std::span<const TokenPosition> positions) {
  need_classifier(HeadKind::kTokenClassification);
  Work work = work_at(Work::Kind::kTokenLogits, sequences, positions);
  return answer(work, positions.size(), shape().labels);
}

Matrix Forward::span_logits(std::span<const Ids> sequences) {
  need_classifier(HeadKind::kQuestionAnswering);
  Work work = work_everywhere(Work::Kind::kSpanLogits, sequences);
  return answer(work, static_cast<size_t>(work.begins.back()), shape().labels);
}

}  // namespace roberta
