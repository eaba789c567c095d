#pragma once
// Sentences of words and tags as the file has them, CoNLL columns or JSON.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tasks/datasets/token_data.h"
#include "tasks/readers/input_text.h"

namespace roberta {

struct TokenRow {
  std::vector<std::string> words, tags;  ///< tags: none unless labelled
  std::vector<int64_t> lines;            ///< [words]
};

class TokenRows {
 public:
  virtual ~TokenRows() = default;
  /// The next sentence that has words; false at the end. Error(kInput) names file and line.
  virtual bool next(TokenRow& row) = 0;
};

/// Borrows the arguments.
std::unique_ptr<TokenRows> open_token_rows(const InputText& input, const TokenDataOptions& options);

}  // namespace roberta
