#include "server/core/exchange.h"

#include "server/core/http_error.h"

namespace roberta::server {
namespace {

[[noreturn]] void refuse_loading() {
  throw HttpError(503, ErrorType::kUnhealthy, "the model is loading; try again in a moment");
}

}  // namespace

Exchange::Exchange(const HttpRequest& request, const ServeOptions& options, ModelRegistry& registry,
                   Metrics& metrics)
    : request(request),
      options(options),
      registry(registry),
      metrics(metrics),
      scope(std::make_shared<RequestScope>()),
      begun(RequestScope::Clock::now()) {}

const ServedModel& Exchange::use(std::shared_ptr<const ServedModel> found) {
  opened_.reset();
  used_ = std::move(found);
  model_name = used_->name;
  return *used_;
}

const ServedModel& Exchange::use_model(std::string_view name) {
  bool known = false;
  std::shared_ptr<const ServedModel> found = registry.find(name, &known);
  if (found) return use(std::move(found));
  if (!known)
    throw HttpError(404, ErrorType::kOther,
                    name.empty() ? std::string("no model is served here")
                                 : "there is no model '" + printable(name, 100) + "' here");
  if (!registry.ready()) refuse_loading();
  throw HttpError(
      503, ErrorType::kUnhealthy,
      "the model" + (name.empty() ? std::string() : " '" + printable(name, 100) + "'") + " is not loaded");
}

const ServedModel& Exchange::use_model_for(std::string_view task) {
  if (std::shared_ptr<const ServedModel> found = registry.find_task(task)) return use(std::move(found));
  if (!registry.ready()) refuse_loading();
  std::string others;
  for (const ModelStatus& status : registry.list()) {
    if (!status.ready || others.size() > 500) continue;
    const std::string& does = status.ready->shared->info().task;
    others += (others.empty() ? "; " : ", ") + std::string("'") + printable(status.name, 100) + "' does " +
              (does.empty() ? std::string("embeddings only") : does);
  }
  throw HttpError(404, ErrorType::kOther, "no model here does " + std::string(task) + others);
}

Model& Exchange::model() {
  if (!used_) throw HttpError(500, ErrorType::kBackend, "no model was chosen");
  if (!opened_) opened_.emplace(used_->shared->open(scope));
  return *opened_;
}

}  // namespace roberta::server
