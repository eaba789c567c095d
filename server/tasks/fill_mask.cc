#include <algorithm>

#include "core/strings.h"
#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/json_body.h"
#include "server/tasks/inputs.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

constexpr int64_t kMaxBytes = int64_t{64} << 20;  // of all sequences in a response
constexpr int64_t kMaxTargets = 4096;             // masks x targets of a request
constexpr int64_t kMaxBeams = 1024;
constexpr int64_t kMaxIdCandidates = 100'000;  // masks x candidates of a request with token ids

int64_t count_of(std::string_view text, std::string_view word) {
  int64_t count = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

/// Bounds what a request may ask for, so that a short body can't cause a response of gigabytes: masks x
/// candidates x length of the text, and masks x targets. 422 beyond.
void check_limits(const ServedModel& served, std::span<const std::string> texts,
                  const FillMaskOptions& options, bool joint) {
  const Tokenizer& tokenizer = served.shared->tokenizer();
  const int64_t max_masks = served.shared->info().max_length;
  const auto targets = static_cast<int64_t>(options.targets.size());
  const int64_t candidates = std::min<int64_t>(options.top_k, targets ? targets : tokenizer.vocab_size());
  int64_t bytes = 0, asked = 0;
  for (const std::string& text : texts) {
    const int64_t masks =
        std::min(tokenizer.has_mask() ? count_of(text, tokenizer.mask_token()) : 0, max_masks);
    bytes += (joint ? 1 : masks) * candidates * static_cast<int64_t>(text.size() + 64);
    asked += masks * targets;
  }
  if (bytes > kMaxBytes)
    reject("the response would have about " + std::to_string(bytes >> 20) + " MB, more than " +
           std::to_string(kMaxBytes >> 20) + " MB; request fewer candidates (`top_k`), masks or texts");
  if (asked > kMaxTargets)
    reject("the product of masks and targets must be at most " + std::to_string(kMaxTargets) + ", got " +
           std::to_string(asked));
  if (joint && std::max<int64_t>(options.beam, 4 * candidates) > kMaxBeams)
    reject("with `joint`, `beam` and 4 x `top_k` must be at most " + std::to_string(kMaxBeams));
}

// ---- JSON

void append_word(std::string& out, const std::vector<Fill>& candidates) {
  append_json_string(out,
                     candidates.empty() ? std::string_view() : trimmed(candidates[0].token_str, kWhitespace));
}

void append_words(std::string& out, const std::vector<std::vector<Fill>>& masks) {
  for (size_t m = 0; m < masks.size(); ++m) {
    out += m ? ',' : '[';
    append_word(out, masks[m]);
  }
  out += ']';
}

/// The best word of each mask; a text with several masks has a list of words.
TaskPredictions predict(RequestContext& context, const ServedModel& served, const TaskRequest& request) {
  const bool full = request.options.return_full;
  const std::vector<std::string> texts = texts_of(request.inputs);
  FillMaskOptions options;
  options.targets = request.options.targets;
  options.top_k = !full ? 1 : request.options.top_k > 0 ? request.options.top_k : 5;
  if (!options.targets.empty() && request.options.top_k == 0 && full)
    options.top_k = static_cast<int>(options.targets.size());
  check_limits(served, texts, options, false);
  TaskPredictions out;
  for (const std::vector<std::vector<Fill>>& masks : fill_mask(context.model(), texts, options)) {
    std::string& json = out.items.emplace_back().json;
    if (full)
      append_json(json, masks);
    else if (masks.size() == 1)
      append_word(json, masks[0]);
    else
      append_words(json, masks);
    out.single_is_list = !full && masks.size() > 1;
  }
  return out;
}

std::string pipeline(RequestContext& context, const PipelineRequest& request) {
  const Json& parameters =
      pipeline_parameters(request, fill_mask_task, {"top_k", "targets", "joint", "beam"});
  const ServedModel& served = pipeline_model(context, request, fill_mask_task);
  const std::vector<std::string> texts = read_texts(context, *request.inputs, "inputs");
  FillMaskOptions options;
  options.top_k = static_cast<int>(integer(parameters, "top_k", options.top_k, 1, kMaxTopK));
  options.beam = static_cast<int>(integer(parameters, "beam", 0, 0, kMaxBeams));
  const bool joint = boolean(parameters, "joint", false);
  if (const Json* targets = find_member(parameters, "targets")) {
    options.targets = strings(*targets, "targets");
    for (const std::string& target : options.targets)
      if (target.empty()) reject_empty("targets");
    if (options.targets.empty()) reject_empty("targets");
    if (joint) reject("`joint` and `targets` can't be combined; `joint` searches the whole vocabulary");
  }
  check_limits(served, texts, options, joint);
  // As the pipeline: the response to a list of one text is that of the text alone.
  const bool list = request.inputs->is_array() && texts.size() > 1;
  const auto response = [&](const auto& found) {
    return join_predictions(texts.size(), list,
                            [&](std::string& out, size_t i) { append_json(out, found[i]); });
  };
  if (joint) return response(fill_mask_joint(context.model(), texts, options));
  return response(fill_mask(context.model(), texts, options));
}

// ---- tensors

/// One row for each mask, of all texts in order.
class FillTensors {
 public:
  /// `columns`: rows are lists of candidates, shape [masks, k] instead of [masks].
  explicit FillTensors(bool columns) : columns_(columns) {}
  void begin_mask(int64_t text) { text_.integers.push_back(text); }
  void add(std::string_view word, int32_t token, float score) {
    word_.texts.emplace_back(word);
    token_.integers.push_back(token);
    score_.floats.push_back(score);
  }
  std::vector<OutputTensor> tensors() && {
    const int64_t masks = dimension(text_.integers.size());
    text_.shape = {masks};
    std::vector<int64_t> shape = {masks};
    if (columns_) shape.push_back(masks == 0 ? 0 : dimension(word_.texts.size()) / masks);
    word_.shape = token_.shape = score_.shape = shape;
    return {std::move(word_), std::move(token_), std::move(score_), std::move(text_)};
  }

 private:
  using Type = OutputTensor::Type;
  bool columns_;
  OutputTensor word_{.name = "output-0", .type = Type::kText, .shape = {}},
      token_{.name = "token", .type = Type::kInteger, .shape = {}},
      score_{.name = "score", .type = Type::kFloat, .shape = {}},
      text_{.name = "text_index", .type = Type::kInteger, .shape = {}};
};

std::vector<OutputTensor> tensors(RequestContext& context, const ServedModel& served,
                                  const TaskRequest& request) {
  const std::vector<std::string> texts = texts_of(request.inputs);
  FillMaskOptions options;
  options.top_k = std::max(1, request.options.top_k);
  check_limits(served, texts, options, false);
  FillTensors out(request.options.top_k > 0);
  const std::vector<std::vector<std::vector<Fill>>> found = fill_mask(context.model(), texts, options);
  for (size_t t = 0; t < found.size(); ++t) {
    for (const std::vector<Fill>& mask : found[t]) {
      out.begin_mask(dimension(t));
      for (const Fill& fill : mask)
        out.add(trimmed(fill.token_str, kWhitespace), fill.tokens.at(0), fill.score);
    }
  }
  return std::move(out).tensors();
}

std::vector<OutputTensor> tensors_of_ids(RequestContext& context, std::span<const Model::Ids> sequences,
                                         const TaskOptions& options) {
  const Tokenizer& tokenizer = context.model().tokenizer();
  std::vector<TokenPosition> positions;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const size_t before = positions.size();
    for (size_t i = 0; i < sequences[s].size(); ++i) {
      if (sequences[s][i] == tokenizer.mask_id())
        positions.push_back({static_cast<int32_t>(s), static_cast<int32_t>(i)});
    }
    if (positions.size() == before)
      reject("'input_ids' row " + std::to_string(s) + " has no " + tokenizer.mask_token() + " (id " +
             std::to_string(tokenizer.mask_id()) + ")");
  }
  const int64_t candidates = std::max(1, options.top_k);
  if (dimension(positions.size()) * candidates > kMaxIdCandidates)
    reject("the product of masks and candidates must be at most " + std::to_string(kMaxIdCandidates) +
           "; send fewer rows or a smaller `top_k`");
  FillTensors out(options.top_k > 0);
  const auto found = context.model().mlm_candidates(sequences, positions, candidates);
  for (size_t r = 0; r < found.size(); ++r) {
    out.begin_mask(positions[r].sequence);
    for (const TokenCandidate& c : found[r])
      out.add(trimmed(tokenizer.decode(std::span(&c.token, 1)), kWhitespace), c.token, c.probability);
  }
  return std::move(out).tensors();
}

constexpr TensorSpec kOutputs[] = {{"output-0", OutputTensor::Type::kText},
                                   {"token", OutputTensor::Type::kInteger},
                                   {"score", OutputTensor::Type::kFloat},
                                   {"text_index", OutputTensor::Type::kInteger}};

}  // namespace

constinit const TaskHandler fill_mask_task = {
    .kind = TaskKind::kFillMask,
    .fits = has_vocabulary_head,
    .input = InputKind::kText,
    .input_names = {"text", ""},
    .outputs = kOutputs,
    .predict = predict,
    .tensors = tensors,
    .tensors_of_ids = tensors_of_ids,
    .pipeline = pipeline,
};

}  // namespace roberta::server
