// POST /pipelines/{task}: the responses of the pipelines of Hugging Face transformers (question-answering:
// those of version 4, as 5 has none).

#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

constexpr std::string_view kPrefix = "/pipelines/";

HttpResponse pipeline(RequestContext& context) {
  const Json body = parse_body(context.request);
  const TaskHandler& task = find_pipeline(std::string_view(context.request.path).substr(kPrefix.size()));
  return json_response(task.pipeline(context, read_pipeline_request(body)));
}

// The last row is for the aliases of the tasks, and suggests a name for an unknown one.
constexpr Route kRoutes[] = {
    {"POST", "/pipelines/fill-mask", Executor::kWorker, pipeline, false, "pipeline_fill_mask"},
    {"POST", "/pipelines/text-classification", Executor::kWorker, pipeline, false,
     "pipeline_text_classification"},
    {"POST", "/pipelines/token-classification", Executor::kWorker, pipeline, false,
     "pipeline_token_classification"},
    {"POST", "/pipelines/question-answering", Executor::kWorker, pipeline, false,
     "pipeline_question_answering"},
    {"POST", "/pipelines/zero-shot-classification", Executor::kWorker, pipeline, false,
     "pipeline_zero_shot_classification"},
    {"POST", "/pipelines/feature-extraction", Executor::kWorker, pipeline, false,
     "pipeline_feature_extraction"},
    {"POST", "/pipelines/{task}", Executor::kWorker, pipeline},
};

}  // namespace

RouteTable pipeline_routes() {
  static const Protocol protocol{"pipelines", default_protocol().error};
  return {protocol, kRoutes};
}

}  // namespace roberta::server
