#pragma once
// Reads the log of a run (train/log.h, docs/formats.md): its losses.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace roberta {

struct LossPoint {
  double step = 0;
  std::optional<double> tokens, seconds;  ///< since the start of training
  double loss = 0;                        ///< nats a masked token
};
struct LossLog {
  std::string name;  ///< of the run: its folder, or the file where it is not called log.jsonl
  std::vector<LossPoint> training, validation;
};

/// A file, or a folder with log.jsonl in it. Rows without a loss, and a last line that is cut off, are passed
/// over. Validation rows take tokens and seconds from the training row before them. Error(kInput) names file
/// and line.
LossLog read_loss_log(const std::filesystem::path& path);

}  // namespace roberta
