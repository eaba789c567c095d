#include "server/core/request_context.h"

#include "core/strings.h"
#include "server/core/http_error.h"

namespace roberta::server {
namespace {

[[noreturn]] void reject_while_loading() {
  throw HttpError(503, ErrorType::kUnhealthy, "the model is loading; try again later");
}

}  // namespace

RequestContext::RequestContext(const HttpRequest& request, const ServeOptions& options,
                               ModelRegistry& registry, Metrics& metrics)
    : request(request),
      options(options),
      registry(registry),
      metrics(metrics),
      scope(std::make_shared<RequestScope>()),
      received(RequestScope::Clock::now()) {}

const ServedModel& RequestContext::use(std::shared_ptr<const ServedModel> found) {
  opened_.reset();
  used_ = std::move(found);
  model_name = used_->name;
  return *used_;
}

const ServedModel& RequestContext::use_model(std::string_view name) {
  bool known = false;
  std::shared_ptr<const ServedModel> found = registry.find(name, &known);
  if (found) return use(std::move(found));
  if (!known)
    throw HttpError(404, ErrorType::kOther,
                    name.empty() ? std::string("this server has no models")
                                 : "model '" + printable(name, 100) + "' not found");
  if (!registry.ready()) reject_while_loading();
  throw HttpError(
      503, ErrorType::kUnhealthy,
      "the model" + (name.empty() ? std::string() : " '" + printable(name, 100) + "'") + " is not loaded");
}

Model& RequestContext::model() {
  if (!used_) throw HttpError(500, ErrorType::kBackend, "no model was chosen");
  if (!opened_) opened_.emplace(used_->shared->open(scope));
  return *opened_;
}

}  // namespace roberta::server
