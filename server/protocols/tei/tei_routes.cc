// The routes of text-embeddings-inference 1.9: https://github.com/huggingface/text-embeddings-inference

#include "io/json/json_text.h"
#include "roberta/system.h"
#include "server/core/choose_model.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/protocols/tei/tei.h"
#include "server/tasks/encoding.h"
#include "tasks/code_points.h"

namespace roberta::server {
namespace {

void append_tokens(std::string& out, const Tokenizer& tokenizer, const std::string& text,
                   const Encoding& encoding) {
  const CodePoints points(text);
  out += '[';
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    const bool special = encoding.special_tokens_mask[i] != 0;
    const Offset offset = encoding.offsets[i];
    out += i ? ",{\"id\":" : "{\"id\":";
    append_number(out, encoding.ids[i]);
    out += ",\"text\":";
    append_json_string(out, special ? std::string_view(tokenizer.id_to_token(encoding.ids[i]))
                                    : points.slice(offset.begin, offset.end));
    if (special) {
      out += ",\"special\":true,\"start\":null,\"stop\":null}";
      continue;
    }
    out += ",\"special\":false,\"start\":";
    append_number(out, offset.begin);
    out += ",\"stop\":";
    append_number(out, offset.end);
    out += '}';
  }
  out += ']';
}

/// TEI's limit. The response to /tokenize is about twenty times as long as its text.
void check_characters(const std::string& text, int64_t max_length) {
  const int64_t limit = 250 * max_length, count = characters_in(text);
  if (count <= limit) return;
  reject("`inputs` must have less than " + std::to_string(limit) +
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
HttpResponse info(RequestContext& context) {
  const ServedModel& served = context.use_model(context.request.parameter("model"));
  const SharedModel& model = *served.shared;
  const ServeOptions& options = context.options;
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

using WriteBody = std::string (*)(RequestContext&, const Json&);
template <WriteBody write_body>
HttpResponse respond(RequestContext& context) {
  return json_response(write_body(context, parse_body(context.request)));
}

constexpr Route kRoutes[] = {
    {"POST", "/embed", Executor::kWorker, respond<embed_response>, false, "embed"},
    {"POST", "/embed_all", Executor::kWorker, respond<embed_all_response>, false, "embed_all"},
    {"POST", "/embed_sparse", Executor::kWorker, respond<embed_sparse_response>, false, "embed_sparse"},
    {"POST", "/predict", Executor::kWorker, respond<predict_response>, false, "predict"},
    {"POST", "/rerank", Executor::kWorker, respond<rerank_response>, false, "rerank"},
    {"POST", "/similarity", Executor::kWorker, respond<similarity_response>, false, "similarity"},
    {"POST", "/tokenize", Executor::kWorker, respond<tokenize_response>, false, "tokenize", false},
    {"POST", "/decode", Executor::kWorker, respond<decode_response>, false, "decode", false},
    {"GET", "/info", Executor::kInline, info, false, "info"},
};

}  // namespace

std::string tokenize_response(RequestContext& context, const Json& body) {
  const ServedModel& served = context.use_model(text_member(body, "model", ""));
  const std::vector<std::string> texts = read_texts(context, required_member(body, "inputs"), "inputs");
  const EncodingOverrides overrides = encoding_overrides(context, served, body);
  const Tokenizer& tokenizer = served.shared->tokenizer();
  EncodeOptions options;
  options.add_special_tokens = boolean(body, "add_special_tokens", true);
  for (const std::string& text : texts) check_characters(text, served.shared->info().max_length);
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    const std::string whole = overrides.prompt ? *overrides.prompt + text : text;
    append_tokens(out, tokenizer, whole, tokenizer.encode(whole, options));
  }
  return out += ']';
}

std::string decode_response(RequestContext& context, const Json& body) {
  const ServedModel& served = context.use_model(text_member(body, "model", ""));
  const Json& ids = required_member(body, "ids");
  std::vector<Model::Ids> lists;
  if (ids.is_array() && !ids.empty() && ids[0].is_array()) {
    check_batch_size(context, ids.size());  // before anything is copied
    for (const Json& list : ids) lists.push_back(read_ids(list, "ids"));
  } else {
    lists.push_back(read_ids(ids, "ids"));
  }
  int64_t count = 0;
  for (const Model::Ids& list : lists) {
    if (list.empty()) reject_empty("ids");
    count += static_cast<int64_t>(list.size());
  }
  count_inputs(context, lists.size(), count, "ids");
  const bool skip = boolean(body, "skip_special_tokens", true);
  std::string out = "[";
  for (const Model::Ids& list : lists) {
    if (out.size() > 1) out += ',';
    append_json_string(out, served.shared->tokenizer().decode(list, skip));
  }
  return out += ']';
}

RouteTable tei_routes() {
  static const Protocol protocol{"tei", default_protocol().error};
  return {protocol, kRoutes};
}

}  // namespace roberta::server
