#pragma once
// A .npy file of float32 rows (NumPy format 1.0, C order) whose number of rows is known only at the end.

#include <cstdio>
#include <filesystem>
#include <span>

#include "cli/io/signals.h"

namespace roberta::cli {

/// Rows go to a temporary file beside the target; finish() writes the shape into the header and renames.
/// Without finish() nothing is left. Links are followed; Error(kUsage) when the target is there and no
/// regular file. Other errors are Error(kResource).
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& file, int64_t columns);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;
  void append(std::span<const float> values);  ///< whole rows
  void finish();

 private:
  void write_header();
  [[noreturn]] void failed(const char* what) const;

  std::filesystem::path target_;
  Temporary temporary_;
  std::FILE* out_;
  int64_t columns_, values_ = 0;
};

}  // namespace roberta::cli
