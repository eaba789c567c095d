#pragma once
// The one table of tasks. A new task is a row here, and its code.

#include <span>
#include <string_view>

#include "model/names.h"

namespace roberta {

struct TaskTraits {
  HeadKind head;
  std::string_view name;           ///< as the pipelines of transformers: "fill-mask"
  std::string_view command;        ///< of the program, which runs a model for this task
  std::string_view other_command;  ///< that any model for this task can run too; "": none
  std::string_view peft_type;      ///< task_type of adapter_config.json; "": the task isn't fine-tuned
  std::span<const std::string_view> data_names;  ///< names of data sets that mean this task
  std::span<const std::string_view> endings;     ///< of its data files, before .gz or .zst
};

/// All tasks with a head of their own, then feature-extraction.
std::span<const TaskTraits> task_traits();
/// By `name`; null when there is none.
const TaskTraits* find_task(std::string_view name);
/// The task that models with this head are for; null for multiple choice. kNone: feature-extraction.
const TaskTraits* task_of(HeadKind head);

}  // namespace roberta
