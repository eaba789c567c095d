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
#include "server/tasks/encoding.h"

namespace roberta::server {
namespace {

constexpr int64_t kLogitRows = 64;  // tokens whose logits are held at once: 13 MB for 50,265 entries

const ServedModel& choose(RequestContext& context, const Json& body, bool (*fits)(const ModelInfo&)) {
  return choose_model(context, text_member(body, "model", ""), fits);
}

size_t response_bytes(const std::vector<Matrix>& matrices) {
  return std::accumulate(matrices.begin(), matrices.end(), size_t{2},
                         [](size_t sum, const Matrix& m) { return sum + m.data.size() * kFloatBytes + 4; });
}

/// For each entry of the vocabulary the maximum over all tokens of log(1 + relu(logits)). The logarithm is
/// monotonic, so it is taken once, of the maximum.
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

std::string embed_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose(context, body, is_any);
  const std::vector<TextOrIds> inputs = read_inputs(context, required_member(body, "inputs"), "inputs");
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  options.normalize = boolean(body, "normalize", true);
  options.dimensions = read_dimensions(body, served.shared->info());
  const Vectors found =
      embed_inputs(context, served, inputs, encoding_overrides(context, served, body), options);
  std::string out;
  out.reserve(response_bytes(found.vectors));
  for (const Matrix& vector : found.vectors) {
    out += out.empty() ? '[' : ',';
    append_json(out, vector.row(0));
  }
  return out += ']';
}

std::string embed_all_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose(context, body, is_any);
  const std::vector<TextOrIds> inputs = read_inputs(context, required_member(body, "inputs"), "inputs");
  EmbedOptions options;
  options.pooling = Pooling::kNone;
  const Vectors found =
      embed_inputs(context, served, inputs, encoding_overrides(context, served, body), options);
  std::string out;
  out.reserve(response_bytes(found.vectors));
  for (const Matrix& rows : found.vectors) {
    out += out.empty() ? '[' : ',';
    append_json(out, rows);
  }
  return out += ']';
}

std::string embed_sparse_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose(context, body, has_vocabulary_head);
  const SharedModel& model = *served.shared;
  if (!has_vocabulary_head(model.info()))
    throw HttpError(424, ErrorType::kBackend, "Model is not an embedding model with SPLADE pooling");
  const std::vector<TextOrIds> inputs = read_inputs(context, required_member(body, "inputs"), "inputs");
  const EncodingOverrides overrides = encoding_overrides(context, served, body);
  std::string out;
  for (const TextOrIds& input : inputs) {
    out += out.empty() ? '[' : ',';
    append_sparse(out, splade(context.model(), encode_input(model, input, overrides)));
  }
  return out += ']';
}

std::string similarity_response(RequestContext& context, const Json& body) {
  const ServedModel& served = choose(context, body, is_any);
  const Json& fields = required_member(body, "inputs");
  if (!fields.is_object()) reject("`inputs` must be {\"source_sentence\": text, \"sentences\": [text, ...]}");
  const Json& sentences = required_member(fields, "sentences");
  if (!sentences.is_array()) reject("`inputs.sentences` must be a list of texts");
  if (sentences.empty()) reject_empty("inputs.sentences");
  std::vector<std::string> texts = {
      required_string(required_member(fields, "source_sentence"), "inputs.source_sentence")};
  for (std::string& text : strings(sentences, "inputs.sentences")) texts.push_back(std::move(text));
  count_texts(context, texts, "inputs");

  static const Json kNone = Json::object();
  const Json* parameters = find_member(body, "parameters");
  if (parameters && !parameters->is_object()) reject("`parameters` must be an object");
  const EncodingOverrides overrides = encoding_overrides(context, served, parameters ? *parameters : kNone);
  EmbedOptions options;
  options.pooling = own_pooling(served.shared->info());
  const Vectors found = embed_inputs(context, served, {texts.begin(), texts.end()}, overrides, options);
  std::string out;
  for (size_t i = 1; i < found.vectors.size(); ++i) {
    out += out.empty() ? '[' : ',';
    append_json_number(out, static_cast<float>(cosine(found.vectors[0].row(0), found.vectors[i].row(0))));
  }
  return out += ']';
}

}  // namespace roberta::server
