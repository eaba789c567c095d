#include "core/nearest.h"
#include "server/core/http_error.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

constexpr const TaskTraits* kTasks[] = {
    &fill_mask_task,          &text_classification_task, &token_classification_task,
    &question_answering_task, &feature_extraction_task,  &zero_shot_classification_task,
};

}  // namespace

std::span<const TaskTraits* const> task_table() { return kTasks; }

const TaskTraits& traits_of(Task task) {
  for (const TaskTraits* traits : kTasks) {
    if (traits->task == task) return *traits;
  }
  throw HttpError(500, ErrorType::kBackend, "a task is missing from the table of tasks");
}

const TaskTraits& main_task_of(const ModelInfo& info) {
  for (const TaskTraits* traits : kTasks) {
    if (traits->name == info.task) return *traits;
  }
  return feature_extraction_task;
}

const TaskTraits& find_pipeline(std::string_view name) {
  std::vector<std::string> names;
  for (const TaskTraits* traits : kTasks) {
    if (traits->name == name || (!traits->alias.empty() && traits->alias == name)) return *traits;
    names.emplace_back(traits->name);
    if (!traits->alias.empty()) names.emplace_back(traits->alias);
  }
  throw HttpError(404, ErrorType::kOther,
                  "pipeline '" + printable(name, 60) + "' not found" + did_you_mean(name, names));
}

}  // namespace roberta::server
