// The page at /ui, the documentation of the routes at /docs, and /openapi.json: files embedded in the
// program. The page gets the facts about the models from /ui/models.json.

#include <algorithm>

#include "io/json/json_text.h"
#include "roberta/tokenizer.h"
#include "server/core/route.h"
#include "server/tasks/task.h"
#include "server/ui/ui_files.h"

namespace roberta::server {
namespace {

// ---- files

/// Only scripts and styles of the program itself: no text of a user or a model can become code.
constexpr std::string_view kPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// Browsers cache the file, but validate it every time, so that a new version of the program shows its own
/// page.
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

HttpResponse file_named(const RequestContext& context, std::string_view name) {
  const std::span<const EmbeddedFile> files = ui_files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.name == name; });
  if (file == files.end()) throw HttpError(404, ErrorType::kOther, "file not found on the page");
  return file_response(context.request, *file);
}

void require_ui(const RequestContext& context) {
  if (!context.options.ui) throw HttpError(404, ErrorType::kOther, "the page is disabled (--no-ui)");
}

HttpResponse page(RequestContext& context) {
  require_ui(context);
  return file_named(context, "index.html");
}
HttpResponse docs(RequestContext& context) {
  require_ui(context);
  return file_named(context, "docs.html");
}
HttpResponse page_file(RequestContext& context) {
  require_ui(context);
  return file_named(context, context.path_parameters.find("file")->second);
}
HttpResponse openapi(RequestContext& context) { return file_named(context, "openapi.json"); }

/// The page's links are relative to /ui, so that a proxy may add a prefix.
HttpResponse redirect_to_page(RequestContext& context) {
  require_ui(context);
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

/// The tabs for the model, by the names in server/ui/tasks.js.
std::vector<std::string_view> tabs_of(const SharedModel& model) {
  if (!model.has_tokenizer()) return {};
  std::vector<std::string_view> tabs;
  for (const TaskHandler* task : task_table()) {
    if (task->kind == TaskKind::kFeatureExtraction || !task->fits(model.info())) continue;
    if (task->kind == TaskKind::kFillMask && !model.tokenizer().has_mask()) continue;
    tabs.push_back(task->name());
  }
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

HttpResponse models(RequestContext& context) {
  require_ui(context);
  HttpResponse response;
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "{\"version\":\"" ROBERTA_VERSION "\",\"models\":[";
  bool first = true;
  for (const ModelStatus& status : context.registry.list()) {
    if (!first) response.body += ',';
    first = false;
    append_model(response.body, status);
  }
  response.body += "]}";
  return response;
}

// The files need no key, since the page is where the key is entered; the facts about the models need it.
constexpr Route kRoutes[] = {
    {"GET", "/ui", Executor::kInline, page, true},
    {"GET", "/ui/", Executor::kInline, redirect_to_page, true},
    {"GET", "/ui/models.json", Executor::kInline, models},
    {"GET", "/ui/{file}", Executor::kInline, page_file, true},
    {"GET", "/docs", Executor::kInline, docs, true},
    {"GET", "/openapi.json", Executor::kInline, openapi, true, "openapi"},
};

}  // namespace

RouteTable ui_routes() { return {default_protocol(), kRoutes}; }

}  // namespace roberta::server
