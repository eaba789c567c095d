// The routes of text-embeddings-inference 1.9: https://github.com/huggingface/text-embeddings-inference

#include "io/json/json_text.h"
#include "roberta/system.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/inputs.h"
#include "tasks/code_points.h"

namespace roberta::server {
namespace {

void append_tokens(std::string& out, const Tokenizer& tokenizer, const std::string& text,
                   const Encoding& encoding) {
  const CodePoints points(text);
  out += '[';
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    const bool special = encoding.special_tokens_mask[i] != 0;
    const Offset place = encoding.offsets[i];
    out += i ? ",{\"id\":" : "{\"id\":";
    append_number(out, encoding.ids[i]);
    out += ",\"text\":";
    append_json_string(out, special ? std::string_view(tokenizer.id_to_token(encoding.ids[i]))
                                    : points.slice(place.begin, place.end));
    if (special) {
      out += ",\"special\":true,\"start\":null,\"stop\":null}";
      continue;
    }
    out += ",\"special\":false,\"start\":";
    append_number(out, place.begin);
    out += ",\"stop\":";
    append_number(out, place.end);
    out += '}';
  }
  out += ']';
}

/// TEI's bound: what has more could not be cut to the model's length in earnest, and its tokens fill a reply
/// twenty times the text.
void need_characters(const std::string& text, int64_t longest) {
  const int64_t limit = 250 * longest, count = count_code_points(text);
  if (count <= limit) return;
  refuse("`inputs` must have less than " + std::to_string(limit) +
         " characters. Given: " + std::to_string(count));
}

void append_labels(std::string& out, const std::vector<std::string>& labels) {
  out += "{\"id2label\":{";
  for (size_t i = 0; i < labels.size(); ++i) {
    out += i ? ",\"" : "\"";
    append_number(out, static_cast<int64_t>(i));
    out += "\":";
    append_json_string(out, labels[i]);
  }
  out += "},\"label2id\":{";
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i) out += ',';
    append_json_string(out, labels[i]);
    out += ':';
    append_number(out, static_cast<int64_t>(i));
  }
  out += "}}";
}

void append_model_type(std::string& out, const ModelInfo& info) {
  if (is_classifier(info)) {
    out += is_reranker(info) ? "{\"reranker\":" : "{\"classifier\":";
    append_labels(out, info.labels);
  } else {
    out += "{\"embedding\":{\"pooling\":";
    append_json_string(out, info.default_pooling);
    out += '}';
  }
  out += '}';
}

/// Of the default model, or of ?model=NAME.
HttpResponse info(Exchange& exchange) {
  const ServedModel& served = exchange.use_model(exchange.request.parameter("model"));
  const SharedModel& model = *served.shared;
  const ServeOptions& options = exchange.options;
  HttpResponse response;
  std::string& out = response.body;
  const auto number = [&out](const char* name, int64_t value) {
    out += std::string(",\"") + name + "\":";
    append_number(out, value);
  };
  out = "{\"model_id\":";
  append_json_string(out, served.name);
  out += ",\"model_sha\":";
  if (served.sha256.empty())
    out += "null";
  else
    append_json_string(out, served.sha256);
  out += ",\"model_dtype\":";
  out += model.precision() == Precision::kBF16 ? "\"bfloat16\"" : "\"float32\"";
  out += ",\"served_model_name\":";
  append_json_string(out, served.name);
  out += ",\"model_type\":";
  append_model_type(out, model.info());
  number("max_concurrent_requests", options.max_concurrent_requests);
  number("max_input_length", model.info().max_length);
  number("max_batch_tokens", options.batching.batch_tokens);
  out += ",\"max_batch_requests\":null";
  number("max_client_batch_size", options.max_client_batch_size);
  out += options.auto_truncate ? ",\"auto_truncate\":true" : ",\"auto_truncate\":false";
  number("tokenization_workers", default_threads());
  out += ",\"version\":\"" ROBERTA_VERSION "\",\"sha\":null,\"docker_label\":null}";
  return response;
}

using Reply = std::string (*)(Exchange&, const Json&);
template <Reply reply>
HttpResponse answer(Exchange& exchange) {
  HttpResponse response;
  response.body = reply(exchange, parse_body(exchange.request));
  return response;
}

constexpr Route kRoutes[] = {
    {"POST", "/embed", Where::kWorker, answer<embed_reply>, false, "embed"},
    {"POST", "/embed_all", Where::kWorker, answer<embed_all_reply>, false, "embed_all"},
    {"POST", "/embed_sparse", Where::kWorker, answer<embed_sparse_reply>, false, "embed_sparse"},
    {"POST", "/predict", Where::kWorker, answer<predict_reply>, false, "predict"},
    {"POST", "/rerank", Where::kWorker, answer<rerank_reply>, false, "rerank"},
    {"POST", "/similarity", Where::kWorker, answer<similarity_reply>, false, "similarity"},
    {"POST", "/tokenize", Where::kWorker, answer<tokenize_reply>, false, "tokenize", false},
    {"POST", "/decode", Where::kWorker, answer<decode_reply>, false, "decode", false},
    {"GET", "/info", Where::kInline, info, false, "info"},
};

}  // namespace

std::string tokenize_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = exchange.use_model(text_member(body, "model", ""));
  const std::vector<std::string> texts = read_texts(exchange, need_member(body, "inputs"), "inputs");
  const EncodingWishes wishes = encoding_wishes(exchange, served, body);
  const Tokenizer& tokenizer = served.shared->tokenizer();
  EncodeOptions options;
  options.add_special_tokens = boolean(body, "add_special_tokens", true);
  for (const std::string& text : texts) need_characters(text, served.shared->info().max_length);
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    const std::string whole = wishes.prompt ? *wishes.prompt + text : text;
    append_tokens(out, tokenizer, whole, tokenizer.encode(whole, options));
  }
  return out += ']';
}

std::string decode_reply(Exchange& exchange, const Json& body) {
  const ServedModel& served = exchange.use_model(text_member(body, "model", ""));
  const Json& ids = need_member(body, "ids");
  std::vector<Model::Ids> lists;
  if (ids.is_array() && !ids.empty() && ids[0].is_array()) {
    if (ids.size() > static_cast<size_t>(exchange.options.max_client_batch_size))
      count_inputs(exchange, ids.size(), 1, "ids");
    for (const Json& list : ids) lists.push_back(read_ids(list, "ids"));
  } else {
    lists.push_back(read_ids(ids, "ids"));
  }
  int64_t count = 0;
  for (const Model::Ids& list : lists) {
    if (list.empty()) refuse_empty("ids");
    count += static_cast<int64_t>(list.size());
  }
  count_inputs(exchange, lists.size(), count, "ids");
  const bool skip = boolean(body, "skip_special_tokens", true);
  std::string out = "[";
  for (const Model::Ids& list : lists) {
    if (out.size() > 1) out += ',';
    append_json_string(out, served.shared->tokenizer().decode(list, skip));
  }
  return out += ']';
}

RouteTable tei_routes() {
  static const Dialect dialect{"tei", own_dialect().error};
  return {dialect, kRoutes};
}

}  // namespace roberta::server
