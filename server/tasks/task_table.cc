#include "core/nearest.h"
#include "core/strings.h"
#include "server/core/http_error.h"
#include "server/tasks/task.h"

namespace roberta::server {
namespace {

constexpr const TaskHandler* kHandlers[] = {
    &fill_mask_task,          &text_classification_task, &token_classification_task,
    &question_answering_task, &feature_extraction_task,  &zero_shot_classification_task,
};

}  // namespace

std::span<const TaskHandler* const> task_table() { return kHandlers; }

const TaskHandler& handler_of(TaskKind kind) {
  for (const TaskHandler* handler : kHandlers) {
    if (handler->kind == kind) return *handler;
  }
  throw HttpError(500, ErrorType::kBackend, "a task has no handler");
}

const TaskHandler& main_task_of(const ModelInfo& info) {
  const TaskTraits* task = find_task(info.task);
  return task ? handler_of(task->kind) : feature_extraction_task;
}

const TaskHandler& find_pipeline(std::string_view name) {
  if (const TaskTraits* task = find_task(name)) return handler_of(task->kind);
  std::vector<std::string> names;
  for (const TaskTraits& task : all_tasks()) {
    names.emplace_back(task.name);
    for (const std::string_view alias : task.aliases)
      if (!alias.empty()) names.emplace_back(alias);
  }
  throw HttpError(404, ErrorType::kOther,
                  "pipeline '" + printable(name, 60) + "' not found" + did_you_mean(name, names));
}

}  // namespace roberta::server
