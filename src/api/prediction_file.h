#pragma once
// The file that predictions are written to: JSON lines.

#include <filesystem>
#include <optional>
#include <string>

#include "io/atomic_file.h"

namespace roberta {

/// With an empty path nothing is written.
class PredictionFile {
 public:
  explicit PredictionFile(const std::filesystem::path& path) {
    if (!path.empty()) file_.emplace(path);
  }
  bool wanted() const { return file_.has_value(); }
  void write(const std::string& json) { file_->write(json + "\n"); }
  void commit() {
    if (file_) file_->commit();
  }

 private:
  std::optional<AtomicFile> file_;
};

}  // namespace roberta
