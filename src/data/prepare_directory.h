#pragma once
// Where a preparation writes, and what is checked before it begins.

#include <filesystem>
#include <vector>

#include "data/inputs.h"
#include "data/prepare_state.h"
#include "roberta/tokenizer.h"

namespace roberta {

/// Error(kUsage) that names the option.
void check_options(const PrepareOptions& options);
/// The manifest's settings; no sets yet.
Manifest manifest_of(const Tokenizer& tokenizer, const PrepareOptions& options);
/// What must be the same for an interrupted run to resume.
Json options_to_json(const Manifest& manifest, const PrepareOptions& options);

/// Bytes that the shards will take at least, roughly; 0: unknown.
int64_t estimate_bytes(const std::vector<std::vector<InputFile>>& inputs, uint32_t token_bytes);
int64_t free_space(const std::filesystem::path& output);
/// Error(kResource) with the free bytes when `needed` will not fit.
void check_space(const std::filesystem::path& output, int64_t needed);

/// The output, locked against a second process while it lives.
class OutputDirectory {
 public:
  /// Error(kUsage) when it holds other files, or a complete corpus while `overwrite` is off, Error(kResource)
  /// when it can't be written or another process uses it.
  OutputDirectory(const std::filesystem::path& directory, bool overwrite);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// Where to continue; a new state, with the tokenizer's files saved, when there is nothing to resume.
  PrepareState open(const Tokenizer& tokenizer, const Json& options,
                    const std::vector<std::vector<InputFile>>& inputs) const;

 private:
  void clear(bool everything) const;
  std::filesystem::path directory_;
  int lock_ = -1;
};

}  // namespace roberta
