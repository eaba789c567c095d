// POST /pipelines/{task}: what the pipelines of Hugging Face transformers answer (question-answering: as in
// its version 4; 5 has none).

#include "core/nearest.h"
#include "server/core/http_error.h"
#include "server/core/json_body.h"
#include "server/core/route.h"
#include "server/tasks/pipelines.h"

namespace roberta::server {
namespace {

struct Pipeline {
  std::string_view name;
  std::string (*reply)(Exchange&, const Json&);
};
constexpr Pipeline kPipelines[] = {
    {"fill-mask", fill_mask_reply},
    {"text-classification", text_classification_reply},
    {"token-classification", token_classification_reply},
    {"question-answering", question_answering_reply},
    {"zero-shot-classification", zero_shot_reply},
    {"feature-extraction", feature_extraction_reply},
    {"sentiment-analysis", text_classification_reply},
    {"ner", token_classification_reply},
};

constexpr std::string_view kPrefix = "/pipelines/";

HttpResponse pipeline(Exchange& exchange) {
  const std::string_view task = std::string_view(exchange.request.path).substr(kPrefix.size());
  HttpResponse response;
  response.body = pipeline_reply(exchange, task, parse_body(exchange.request));
  return response;
}

// The last row is for the other names of tasks, and to say which name was meant.
constexpr Route kRoutes[] = {
    {"POST", "/pipelines/fill-mask", Where::kWorker, pipeline, false, "pipeline_fill_mask"},
    {"POST", "/pipelines/text-classification", Where::kWorker, pipeline, false,
     "pipeline_text_classification"},
    {"POST", "/pipelines/token-classification", Where::kWorker, pipeline, false,
     "pipeline_token_classification"},
    {"POST", "/pipelines/question-answering", Where::kWorker, pipeline, false, "pipeline_question_answering"},
    {"POST", "/pipelines/zero-shot-classification", Where::kWorker, pipeline, false,
     "pipeline_zero_shot_classification"},
    {"POST", "/pipelines/feature-extraction", Where::kWorker, pipeline, false, "pipeline_feature_extraction"},
    {"POST", "/pipelines/{task}", Where::kWorker, pipeline},
};

}  // namespace

std::string pipeline_reply(Exchange& exchange, std::string_view task, const Json& body) {
  std::vector<std::string> names;
  for (const Pipeline& pipeline : kPipelines) {
    if (pipeline.name == task) return pipeline.reply(exchange, body);
    names.emplace_back(pipeline.name);
  }
  throw HttpError(404, ErrorType::kOther,
                  "there is no pipeline '" + printable(task, 60) + "' here" + did_you_mean(task, names));
}

RouteTable pipeline_routes() {
  static const Dialect dialect{"pipelines", own_dialect().error};
  return {dialect, kRoutes};
}

}  // namespace roberta::server
