#pragma once
// Writes a .npy file of float32 rows (NumPy format 1.0, C order); the number of rows is known only at the
// end.

#include <cstdio>
#include <filesystem>
#include <span>

#include "cli/io/signals.h"

namespace roberta::cli {

/// Rows go to a temporary file next to the target; finish() writes the shape into the header and renames the
/// file. Without finish() nothing is left. Symbolic links are followed. Throws Error(kUsage) if the target
/// exists and is not a regular file, Error(kResource) otherwise.
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
