// /embed, /embed_all, /embed_sparse, /similarity: texts or token ids to vectors.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/json/json_text.h"
#include "roberta/pipeline_json.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/inputs.h"

namespace roberta::server {
namespace {

constexpr size_t kNumberBytes = 13;  // "-0.012345678," of a float; to reserve a reply's memory at once
constexpr int64_t kLogitRows = 64;   // of the vocabulary held at once: 13 MB at 50,265 entries

const ServedModel& choose(Exchange& exchange, const Json& body, bool (*fits)(const ModelInfo&)) {
  return choose_model(exchange, text_member(body, "model", ""), fits);
}

size_t reply_bytes(const std::vector<Matrix>& matrices) {
  return std::accumulate(matrices.begin(), matrices.end(), size_t{2},
                         [](size_t sum, const Matrix& m) { return sum + m.data.size() * kNumberBytes + 4; });
}

/// log(1 + relu(logits)), the highest of all tokens for each entry of the vocabulary. The logarithm grows
/// with its argument, so it is taken once, of the highest.
std::vector<float> splade(Model& model, const Model::Ids& ids) {
  std::vector<float> best;
  const auto count = static_cast<int32_t>(ids.size());
  for (int32_t begin = 0; begin < count; begin += kLogitRows) {
    std::vector<TokenPosition> positions;
    for (int32_t i = begin; i < std::min<int32_t>(count, begin + kLogitRows); ++i)
      positions.push_back({0, i});
    const Matrix logits = model.mlm_logits({&ids, 1}, positions);
    best.resize(static_cast<size_t>(logits.cols));
    for (int64_t r = 0; r < logits.rows; ++r) {
      const std::span<const float> row = logits.row(r);
      for (size_t v = 0; v < best.size(); ++v) best[v] = std::max(best[v], row[v]);
    }
  }
  for (float& value : best) value = std::log1p(value);
  return best;
}

void append_sparse(std::string& out, const std::vector<float>& values) {
  out += '[';
  bool first = true;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    out += first ? "{\"index\":" : ",{\"index\":";
    first = false;
    append_number(out, static_cast<int64_t>(i));
    out += ",\"value\":";
    append_json_number(out, values[i]);
    out += '}';
  }
  out += ']';
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, a2 = 0, b2 = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    product += x * y, a2 += x * x, b2 += y * y;
  }
  return product / std::max(std::sqrt(a2) * std::sqrt(b2), 1e-24);
}

}  // namespace

std::string embed_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = choose(exchange, body, is_any);
  const std::vector<TextOrIds> inputs = read_inputs(exchange, need_member(body, "inputs"), "inputs");
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  options.normalize = boolean(body, "normalize", true);
  options.dimensions = read_dimensions(body, served.shared->info());
  const Vectors found =
      embed_inputs(exchange, served, inputs, encoding_wishes(exchange, served, body), options);
  std::string out;
  out.reserve(reply_bytes(found.vectors));
  for (const Matrix& vector : found.vectors) {
    out += out.empty() ? '[' : ',';
    append_json(out, vector.row(0));
  }
  return out += ']';
}

std::string embed_all_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = choose(exchange, body, is_any);
  const std::vector<TextOrIds> inputs = read_inputs(exchange, need_member(body, "inputs"), "inputs");
  EmbedOptions options;
  options.pooling = Pooling::kNone;
  const Vectors found =
      embed_inputs(exchange, served, inputs, encoding_wishes(exchange, served, body), options);
  std::string out;
  out.reserve(reply_bytes(found.vectors));
  for (const Matrix& rows : found.vectors) {
    out += out.empty() ? '[' : ',';
    append_json(out, rows);
  }
  return out += ']';
}

std::string embed_sparse_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = choose(exchange, body, has_vocabulary_head);
  const SharedModel& model = *served.shared;
  if (!has_vocabulary_head(model.info()))
    throw HttpError(424, ErrorType::kBackend, "Model is not an embedding model with SPLADE pooling");
  const std::vector<TextOrIds> inputs = read_inputs(exchange, need_member(body, "inputs"), "inputs");
  const EncodingWishes wishes = encoding_wishes(exchange, served, body);
  std::string out;
  for (const TextOrIds& input : inputs) {
    out += out.empty() ? '[' : ',';
    append_sparse(out, splade(exchange.model(), encode_input(model, input, wishes)));
  }
  return out += ']';
}

std::string similarity_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = choose(exchange, body, is_any);
  const Json& fields = need_member(body, "inputs");
  if (!fields.is_object()) refuse("`inputs` must be {\"source_sentence\": text, \"sentences\": [text, ...]}");
  const Json& sentences = need_member(fields, "sentences");
  if (!sentences.is_array()) refuse("`inputs.sentences` must be a list of texts");
  if (sentences.empty()) refuse_empty("inputs.sentences");
  Json all = Json::array({need_member(fields, "source_sentence")});
  all.insert(all.end(), sentences.begin(), sentences.end());
  const std::vector<std::string> texts = read_texts(exchange, all, "inputs");

  static const Json kNone = Json::object();
  const Json* parameters = find_member(body, "parameters");
  if (parameters && !parameters->is_object()) refuse("`parameters` must be an object");
  const EncodingWishes wishes = encoding_wishes(exchange, served, parameters ? *parameters : kNone);
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  const Vectors found = embed_inputs(exchange, served, {texts.begin(), texts.end()}, wishes, options);
  std::string out;
  for (size_t i = 1; i < found.vectors.size(); ++i) {
    out += out.empty() ? '[' : ',';
    append_json_number(out, static_cast<float>(cosine(found.vectors[0].row(0), found.vectors[i].row(0))));
  }
  return out += ']';
}

}  // namespace roberta::server
