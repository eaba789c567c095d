#include "tasks/traits.h"

#include <algorithm>

namespace roberta {

const TaskTraits* find_task(std::string_view name) {
  const auto is_name = [&](const TaskTraits& task) {
    return name == task.name ||
           (!name.empty() && std::ranges::find(task.aliases, name) != task.aliases.end());
  };
  const auto found = std::ranges::find_if(kTaskTraits, is_name);
  return found == std::end(kTaskTraits) ? nullptr : found;
}

const TaskTraits* task_of_architecture(std::string_view architecture) {
  const auto found = std::ranges::find(kTaskTraits, architecture, &TaskTraits::architecture);
  return found == std::end(kTaskTraits) ? nullptr : found;
}

const TaskTraits* task_of(HeadKind head) { return task_of_architecture(architecture_of_head(head)); }
HeadKind head_of(const TaskTraits& task) { return head_of_architecture(task.architecture); }

}  // namespace roberta
