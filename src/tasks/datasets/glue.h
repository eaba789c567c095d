#pragma once
// The nine tasks of GLUE as one table: columns, labels, metrics, and the recipes of fairseq.

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/datasets/text_data.h"
#include "tasks/metrics/metrics.h"

namespace roberta {

struct GlueTask {
  std::string name;   ///< "mnli", "sst2", ...: as transformers' run_glue
  std::string title;  ///< "MNLI", "SST-2", ...: as the folder of the data is called
  bool regression = false;
  TextColumns columns;
  std::vector<std::string> labels;   ///< as the files have them, by index as Hugging Face's datasets
  std::vector<std::string> metrics;  ///< those reported; the first is the primary metric
  double learning_rate = 0;          ///< of fairseq's recipe for roberta-large
  int64_t batch = 0, updates = 0, warmup = 0;  ///< of the same recipe
  /// Names of files in the folder, tried in order; of MNLI dev has two sets.
  std::vector<std::string> train, dev;
};
std::span<const GlueTask> glue_tasks();
/// By name, title or fairseq's name, in any letter case ("SST-2", "sst2"). Error(kUsage) lists them.
const GlueTask& glue_task(std::string_view name);
/// nullptr: no such task.
const GlueTask* find_glue_task(std::string_view name);

/// Reads a file of the task: official layout without header names (CoLA; positions), or by header names.
TextData read_glue(const GlueTask& task, const std::filesystem::path& file, int64_t limit = 0);

/// The task's files in its folder, or in a folder that holds those of all tasks (glue/CoLA/train.tsv), also
/// .gz and .zst. Of MNLI both dev sets, matched first, as far as they exist. Error(kInput) when there is
/// none.
std::filesystem::path glue_train_file(const GlueTask& task, const std::filesystem::path& folder);
std::vector<std::filesystem::path> glue_dev_files(const GlueTask& task, const std::filesystem::path& folder);

/// The task's own metrics: accuracy; f1 and their mean (MRPC, QQP); mcc (CoLA); pearson, spearmanr, combined
/// (STS-B).
Metrics glue_metrics(const GlueTask& task, const TextData& data, std::span<const float> logits);

}  // namespace roberta
