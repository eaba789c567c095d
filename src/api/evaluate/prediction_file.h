#pragma once
// The predictions for each example: JSON lines in a file that appears whole or not at all.

#include <filesystem>
#include <optional>
#include <string>

#include "io/atomic_file.h"
#include "io/json/json.h"

namespace roberta {

class PredictionFile {
 public:
  /// An empty path: nothing is written.
  explicit PredictionFile(const std::filesystem::path& path) {
    if (!path.empty()) file_.emplace(path);
  }
  bool wanted() const { return file_.has_value(); }
  void write(const Json& row) {
    if (file_) file_->write(row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  /// A row that is JSON already.
  void write_line(const std::string& json) {
    if (file_) file_->write(json + "\n");
  }
  void close() {
    if (file_) file_->commit();
  }

 private:
  std::optional<AtomicFile> file_;
};

}  // namespace roberta
