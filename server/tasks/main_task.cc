#include "server/tasks/main_task.h"

#include "server/core/json_body.h"
#include "server/tasks/inputs.h"

namespace roberta::server {

TaskPredictions run_task(RequestContext& context, const ServedModel& served, const TaskRequest& request) {
  count_texts(context, request.inputs, "inputs");
  return handler_of(request.task).predict(context, served, request);
}

std::string join(const TaskPredictions& predictions, bool single) {
  if (single && predictions.single_is_list) return predictions.items.at(0).json;
  std::string out = "[";
  for (const TaskPrediction& item : predictions.items) (out += out.size() > 1 ? "," : "") += item.json;
  return out += ']';
}

const TaskHandler& pipeline_for(const ModelInfo& info, const Json* parameters) {
  const TaskHandler& main_task = main_task_of(info);
  const bool labels = parameters && parameters->is_object() && parameters->contains("candidate_labels");
  return labels && main_task.kind == TaskKind::kTextClassification ? zero_shot_classification_task
                                                                   : main_task;
}

}  // namespace roberta::server
