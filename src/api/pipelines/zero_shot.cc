#include <algorithm>
#include <cctype>
#include <numeric>

#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "core/strings.h"
#include "core/utf8.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

constexpr size_t kMaxPairs = 4096;  // whose ids are in memory at once

/// The special tokens around a pair, so that pairs can be put together from texts that were encoded once.
struct PairFrame {
  Model::Ids before, between, after;
  size_t size() const { return before.size() + between.size() + after.size(); }
};

PairFrame pair_frame(const Tokenizer& tokenizer) {
  const Encoding pair = tokenizer.encode_pair("a", "b");
  PairFrame frame;
  int8_t seen = -1;
  for (size_t i = 0; i < pair.ids.size(); ++i) {
    const int8_t text = pair.sequence_ids[i];
    if (text >= 0)
      seen = text;
    else
      (seen < 0 ? frame.before : seen == 0 ? frame.between : frame.after).push_back(pair.ids[i]);
  }
  return frame;
}

/// Which labels of the model mean that the text entails the hypothesis, and that it contradicts it.
struct Relations {
  size_t entailment, contradiction;
};
Relations relations_of(Model& model) {
  require_task(model, "text-classification", "zero-shot");
  const std::vector<std::string>& labels = model.info().labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (lower(labels[i]).starts_with("entail")) return {i, i == 0 ? labels.size() - 1 : 0};
  }
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(labels.size(), 8); ++i) list += (i ? ", " : "") + labels[i];
  fail(ErrorCode::kModel, "[zero-shot] ", ModelAccess::loaded(model)->directory.string(),
       ": none of the labels (", list,
       ") begins with 'entail': zero-shot needs a model for natural-language inference, such as one "
       "fine-tuned on "
       "MNLI");
}

std::vector<std::string> hypotheses(std::span<const std::string> labels, const std::string& pattern) {
  const size_t at = pattern.find("{}");
  if (at == pattern.npos)
    fail(ErrorCode::kUsage, "[zero-shot] the template '", pattern, "' has no {}, which stands for the label");
  const auto need_utf8 = [](const char* what, const std::string& text) {
    if (!is_valid_utf8(text))
      fail(ErrorCode::kInput, "[zero-shot] the ", what, " '", printable(text, 60), "' is not valid UTF-8");
  };
  need_utf8("template", pattern);
  std::vector<std::string> out;
  for (const std::string& label : labels) {
    need_utf8("label", label);
    out.push_back(std::string(pattern).replace(at, 2, label));
  }
  return out;
}

std::vector<Model::Ids> encode_all(const Model& model, std::span<const std::string> texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<int32_t> ids;
  std::vector<int64_t> starts;
  model.tokenizer().encode_ids_batch(views, ids, starts, false, true, model.threads());
  std::vector<Model::Ids> out;
  for (size_t i = 0; i < texts.size(); ++i)
    out.emplace_back(ids.begin() + starts[i], ids.begin() + starts[i + 1]);
  return out;
}

class PairMaker {
 public:
  PairMaker(const PairFrame& frame, int64_t max_length)
      : frame_(frame), max_length_(static_cast<size_t>(max_length)) {}

  /// The text is cut, the hypothesis never.
  Model::Ids pair(const Model::Ids& text, const Model::Ids& hypothesis) const {
    const size_t used = frame_.size() + hypothesis.size();
    if (used >= max_length_) {
      fail(ErrorCode::kInput, "[zero-shot] a hypothesis has ", hypothesis.size(),
           " tokens, which leaves no room for a text: shorten the label or the template");
    }
    const size_t keep = std::min(text.size(), max_length_ - used);
    Model::Ids ids = frame_.before;
    ids.insert(ids.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(keep));
    ids.insert(ids.end(), frame_.between.begin(), frame_.between.end());
    ids.insert(ids.end(), hypothesis.begin(), hypothesis.end());
    ids.insert(ids.end(), frame_.after.begin(), frame_.after.end());
    return ids;
  }

 private:
  const PairFrame& frame_;
  size_t max_length_;
};

/// logits: [labels, the model's labels], of one text.
std::vector<float> label_scores(const Matrix& logits, int64_t begin, int64_t count,
                                const Relations& relations, bool independent) {
  std::vector<float> scores;
  for (int64_t i = begin; i < begin + count; ++i) {
    const float entailment = logits.row(i)[relations.entailment];
    float both[] = {logits.row(i)[relations.contradiction], entailment};
    if (independent) softmax(both);
    scores.push_back(independent ? both[1] : entailment);
  }
  if (!independent) softmax(scores);
  return scores;
}

ZeroShot ranked(const std::string& text, std::span<const std::string> labels,
                const std::vector<float>& scores) {
  std::vector<size_t> order(labels.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  std::reverse(order.begin(), order.end());  // among equals the last one first, as in the pipeline
  ZeroShot out{text, {}, {}};
  for (size_t i : order) {
    out.labels.push_back(labels[i]);
    out.scores.push_back(scores[i]);
  }
  return out;
}

}  // namespace

std::vector<ZeroShot> zero_shot(Model& model, std::span<const std::string> texts,
                                std::span<const std::string> labels, const ZeroShotOptions& options) {
  const Relations relations = relations_of(model);
  if (labels.empty()) fail(ErrorCode::kUsage, "[zero-shot] no labels are given");
  const std::vector<Model::Ids> premises = encode_all(model, texts);
  const std::vector<Model::Ids> claims = encode_all(model, hypotheses(labels, options.hypothesis_template));
  const PairFrame frame = pair_frame(model.tokenizer());
  const PairMaker maker(frame, model.info().max_length);
  const bool independent = options.multi_label || labels.size() == 1;
  std::vector<ZeroShot> answers;
  const size_t share = std::max<size_t>(1, kMaxPairs / labels.size());  // texts
  for (size_t begin = 0; begin < texts.size(); begin += share) {
    const size_t end = std::min(texts.size(), begin + share);
    std::vector<Model::Ids> pairs;
    for (size_t t = begin; t < end; ++t) {
      for (const Model::Ids& claim : claims) pairs.push_back(maker.pair(premises[t], claim));
    }
    const Matrix logits = model.sequence_logits(pairs);
    const auto count = static_cast<int64_t>(labels.size());
    for (size_t t = begin; t < end; ++t) {
      const int64_t row = static_cast<int64_t>(t - begin) * count;
      answers.push_back(ranked(texts[t], labels, label_scores(logits, row, count, relations, independent)));
    }
  }
  return answers;
}

}  // namespace roberta
