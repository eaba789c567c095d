#pragma once
// What a run writes down of its course: OUTPUT/log.jsonl, one JSON object a line (docs/formats.md), and the
// same numbers for TensorBoard in OUTPUT/tensorboard/.

#include <filesystem>
#include <optional>

#include "io/json/json.h"
#include "roberta/pretrain.h"
#include "train/event_file.h"

namespace roberta {

/// For one process of a run, rank 0. Not thread safe. Errors: Error(kResource) that names the file.
class LogFiles {
 public:
  /// Goes on after `resumed_step`: what an earlier run wrote of later steps is cut off, so that in the end
  /// the log is that of an unbroken run, times aside. 0: a new log takes the place of an old one.
  LogFiles(const std::filesystem::path& output, int64_t resumed_step, bool tensorboard = true);
  ~LogFiles();
  LogFiles(const LogFiles&) = delete;
  LogFiles& operator=(const LogFiles&) = delete;

  void write(const TrainingLog& line);
  void write(const ValidationLog& line);
  /// Any row: `step`, then these fields; its numbers go to TensorBoard as GROUP/NAME.
  void write(int64_t step, const std::string& group, const Json& fields);
  /// Returns when the rows are on the disk. To be called before a checkpoint is saved, whose resume counts on
  /// them.
  void sync();

 private:
  void cut_after(int64_t step);

  std::filesystem::path path_;
  int fd_;
  std::optional<EventFile> events_;
};

}  // namespace roberta
