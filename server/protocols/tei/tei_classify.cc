// /predict and /rerank: labels of texts or pairs; texts ranked by how well they match a query.

#include <algorithm>
#include <numeric>

#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/encoding.h"
#include "tasks/decoding/probabilities.h"

namespace roberta::server {
namespace {

struct PredictInputs {
  std::vector<TextPair> items;
  bool batch = false;
};

/// ["a"] is one text, ["a", "b"] one pair.
TextPair read_sequence(const Json& value) {
  const bool good = value.is_array() && (value.size() == 1 || value.size() == 2) &&
                    std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
  if (!good) {
    reject(
        "`inputs` must be a string, a pair of strings [string, string] or a batch of mixed strings and pairs "
        "[[string], [string, string], ...]");
  }
  TextPair pair{value[0].get<std::string>(), std::nullopt};
  if (value.size() == 2) pair.second = value[1].get<std::string>();
  return pair;
}

PredictInputs read_predict_inputs(RequestContext& context, const Json& value) {
  PredictInputs out;
  if (value.is_string()) {
    out.items.push_back({value.get<std::string>(), std::nullopt});
  } else if (value.is_array() && value.empty()) {
    reject_empty("inputs");
  } else if (value.is_array() && value[0].is_array()) {
    out.batch = true;
    check_batch_size(context, value.size());  // before anything is copied
    for (const Json& item : value) out.items.push_back(read_sequence(item));
  } else {
    out.items.push_back(read_sequence(value));
  }
  count_pairs(context, out.items, "inputs");
  return out;
}

/// Logits of the model in use, which is `served`.
Matrix predict(RequestContext& context, const ServedModel& served, const std::vector<TextPair>& pairs,
               const EncodingOverrides& overrides) {
  std::vector<Model::Ids> sequences;
  for (const TextPair& pair : pairs) sequences.push_back(encode_pair(*served.shared, pair, overrides));
  return context.model().sequence_logits(sequences);
}

/// As text-embeddings-inference: sigmoid for one label, softmax for several. For models where several labels
/// may be true at once it is the sigmoid, as TEI's softmax would be wrong.
void to_scores(std::span<float> row, const ModelInfo& info) {
  if (row.size() > 1 && info.problem_type != "multi_label_classification") {
    softmax(row);
  } else {
    for (float& x : row) x = sigmoid(x);
  }
}

/// Indices of the scores, highest first.
std::vector<size_t> ranking(std::span<const float> scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

void append_predictions(std::string& out, std::span<const float> scores,
                        const std::vector<std::string>& labels) {
  out += '[';
  for (const size_t label : ranking(scores)) {
    if (out.back() != '[') out += ',';
    out += "{\"score\":";
    append_json_number(out, scores[label]);
    out += ",\"label\":";
    append_json_string(out, labels[label]);
    out += '}';
  }
  out += ']';
}

}  // namespace

bool is_reranker(const ModelInfo& info) { return is_classifier(info) && info.labels.size() == 1; }
bool can_rank(const ModelInfo& info) {
  return is_classifier(info) && (info.labels.size() == 1 || info.labels.size() == 2);
}

std::string predict_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose_model(context, text_member(body, "model", ""), is_classifier);
  const ModelInfo& info = served.shared->info();
  if (!is_classifier(info)) throw HttpError(424, ErrorType::kBackend, "Model is not a classifier model");
  const PredictInputs inputs = read_predict_inputs(context, required_member(body, "inputs"));
  const bool raw = boolean(body, "raw_scores", false);
  Matrix scores = predict(context, served, inputs.items, encoding_overrides(context, served, body));
  std::string out;
  for (int64_t i = 0; i < scores.rows; ++i) {
    if (!raw) to_scores(scores.row(i), info);
    if (inputs.batch) out += i ? ',' : '[';
    append_predictions(out, scores.row(i), info.labels);
  }
  return inputs.batch ? out += ']' : out;
}

std::string rerank_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose_model(context, text_member(body, "model", ""), can_rank);
  const std::string query = required_string(required_member(body, "query"), "query");
  const Json& list = required_member(body, "texts");
  if (!list.is_array()) reject("`texts` must be a list of texts");
  if (list.empty()) reject("`texts` cannot be empty");
  if (!can_rank(served.shared->info()))
    throw HttpError(424, ErrorType::kBackend, "model is not a re-ranker model");
  const std::vector<std::string> texts = strings(list, "texts");
  const bool raw = boolean(body, "raw_scores", false), with_text = boolean(body, "return_text", false);

  int64_t characters = characters_in(query) * static_cast<int64_t>(texts.size());
  std::vector<TextPair> pairs;
  for (const std::string& text : texts) {
    if (query.empty() && text.empty()) reject_empty("inputs");
    characters += characters_in(text);
    pairs.push_back({query, text});
  }
  count_inputs(context, texts.size(), characters, "texts");
  const Matrix logits = predict(context, served, pairs, encoding_overrides(context, served, body));
  std::vector<float> scores;
  for (int64_t i = 0; i < logits.rows; ++i) {
    // With two labels the second means "relevant"; the sigmoid of the difference is its softmax.
    const std::span<const float> row = logits.row(i);
    const float logit = row.size() == 1 ? row[0] : row[1] - row[0];
    scores.push_back(raw ? logit : sigmoid(logit));
  }
  std::string out = "[";
  for (const size_t i : ranking(scores)) {
    out += out.size() > 1 ? ",{\"index\":" : "{\"index\":";
    append_number(out, static_cast<int64_t>(i));
    if (with_text) {
      out += ",\"text\":";
      append_json_string(out, texts[i]);
    }
    out += ",\"score\":";
    append_json_number(out, scores[i]);
    out += '}';
  }
  return out += ']';
}

std::string main_response(RequestContext& context, const Json& body) {
  if (find_member(body, "query") && find_member(body, "texts")) return rerank_response(context, body);
  const ServedModel& served = context.use_model(text_member(body, "model", ""));
  return is_classifier(served.shared->info()) ? predict_response(context, body)
                                              : embed_response(context, body);
}

}  // namespace roberta::server
