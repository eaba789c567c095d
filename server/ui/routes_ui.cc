// The page at /ui, that of the routes at /docs, and /openapi.json: files inside the program. What the page
// wants to know of the models is /ui/models.json.

#include <algorithm>

#include "io/json/json_text.h"
#include "roberta/tokenizer.h"
#include "server/core/route.h"
#include "server/ui/ui_files.h"

namespace roberta::server {
namespace {

// ---- files

/// Scripts and styles of the program itself, nothing else: no text of a user or a model can become code.
constexpr std::string_view kPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// Browsers keep the file, but ask each time whether it is still that one: a new program shows its page at
/// once.
HttpResponse file_response(const HttpRequest& request, const EmbeddedFile& file) {
  HttpResponse response;
  response.headers = {{"ETag", std::string(file.etag)},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", std::string(kPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}};
  const std::string_view known = request.header("if-none-match");
  if (known == "*" || known.find(file.etag) != std::string_view::npos) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  response.content_type = file.content_type;
  response.static_body = file.bytes;
  return response;
}

HttpResponse file_named(const Exchange& exchange, std::string_view name) {
  const std::span<const EmbeddedFile> files = ui_files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.name == name; });
  if (file == files.end()) throw HttpError(404, ErrorType::kOther, "the page has no such file");
  return file_response(exchange.request, *file);
}

void need_ui(const Exchange& exchange) {
  if (!exchange.options.ui) throw HttpError(404, ErrorType::kOther, "the page is switched off (--no-ui)");
}

HttpResponse page(Exchange& exchange) {
  need_ui(exchange);
  return file_named(exchange, "index.html");
}
HttpResponse docs(Exchange& exchange) {
  need_ui(exchange);
  return file_named(exchange, "docs.html");
}
HttpResponse page_file(Exchange& exchange) {
  need_ui(exchange);
  return file_named(exchange, exchange.path_parameters.find("file")->second);
}
HttpResponse openapi(Exchange& exchange) { return file_named(exchange, "openapi.json"); }

/// The page's own addresses are relative to /ui, so that a proxy may put a prefix before it.
HttpResponse to_page(Exchange& exchange) {
  need_ui(exchange);
  HttpResponse response;
  response.status = 308;
  response.content_type.clear();
  response.headers = {{"Location", "../ui"}};
  return response;
}

// ---- models

std::string_view name_of(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return "loading";
    case ModelState::kReady:
      return "ready";
    case ModelState::kFailed:
      return "failed";
    default:
      return "unloaded";
  }
}

bool entails(std::string_view label) {
  constexpr std::string_view kStart = "entail";
  return label.size() >= kStart.size() && std::equal(kStart.begin(), kStart.end(), label.begin(),
                                                     [](char a, char b) { return a == (b | 0x20); });
}

/// The tabs that the model is good for, in the names of server/ui/tasks.js.
std::vector<std::string_view> tabs_of(const SharedModel& model) {
  const ModelInfo& info = model.info();
  if (!model.has_tokenizer()) return {};
  std::vector<std::string_view> tabs;
  if (info.has_mlm_head && model.tokenizer().has_mask()) tabs.push_back("fill-mask");
  if (!info.task.empty() && info.task != "fill-mask") tabs.push_back(info.task);
  if (info.task == "text-classification" && std::any_of(info.labels.begin(), info.labels.end(), entails))
    tabs.push_back("zero-shot-classification");
  tabs.insert(tabs.end(), {"embed", "tokens"});
  return tabs;
}

class JsonObject {
 public:
  void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }
  void number(std::string_view name, int64_t value) { append_number(key(name), value); }
  template <class Strings>
  void list(std::string_view name, const Strings& values) {
    std::string& out = key(name);
    out += '[';
    for (const auto& value : values) {
      if (&value != &*values.begin()) out += ',';
      append_json_string(out, value);
    }
    out += ']';
  }
  std::string finish() { return std::move(out_ += '}'); }

 private:
  std::string& key(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  std::string out_ = "{";
};

void append_model(std::string& out, const ModelStatus& status) {
  JsonObject object;
  object.text("name", status.name);
  object.text("state", name_of(status.state));
  object.text("reason", status.reason);
  if (!status.ready) {
    object.list("tasks", std::vector<std::string_view>{});
    out += object.finish();
    return;
  }
  const SharedModel& model = *status.ready->shared;
  const ModelInfo& info = model.info();
  object.list("tasks", tabs_of(model));
  object.number("version", status.ready->version);
  object.text("architecture", info.architecture);
  object.text("task", info.task);
  object.number("parameters", info.parameters);
  object.number("layers", info.layers);
  object.number("hidden_size", info.hidden_size);
  object.number("max_length", info.max_length);
  object.number("vocab_size", info.vocab_size);
  object.list("labels", info.labels);
  object.text("precision", model.precision() == Precision::kBF16 ? "bf16" : "fp32");
  object.text("device", model.device());
  if (model.has_tokenizer() && model.tokenizer().has_mask())
    object.text("mask_token", model.tokenizer().mask_token());
  out += object.finish();
}

HttpResponse models(Exchange& exchange) {
  need_ui(exchange);
  HttpResponse response;
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "{\"version\":\"" ROBERTA_VERSION "\",\"models\":[";
  bool first = true;
  for (const ModelStatus& status : exchange.registry.list()) {
    if (!first) response.body += ',';
    first = false;
    append_model(response.body, status);
  }
  response.body += "]}";
  return response;
}

// The files are open, since the page is where a key is asked for; what it learns of the models is not.
constexpr Route kRoutes[] = {
    {"GET", "/ui", Where::kInline, page, true},
    {"GET", "/ui/", Where::kInline, to_page, true},
    {"GET", "/ui/models.json", Where::kInline, models},
    {"GET", "/ui/{file}", Where::kInline, page_file, true},
    {"GET", "/docs", Where::kInline, docs, true},
    {"GET", "/openapi.json", Where::kInline, openapi, true, "openapi"},
};

}  // namespace

RouteTable ui_routes() { return {own_dialect(), kRoutes}; }

}  // namespace roberta::server
