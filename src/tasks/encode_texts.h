#pragma once
// Texts to token ids for a model of limited length; shared by the tasks.

#include <span>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

/// Encodes all texts on that many threads. A text that is too long is cut when `truncate` is on, otherwise
/// Error(kInput) "[part] text N has ...".
std::vector<Encoding> encode_texts(const Tokenizer& tokenizer, std::span<const std::string> texts,
                                   int64_t max_length, bool truncate, int threads, const char* part);

/// "text 3", or "the text" when there is only one: for messages.
std::string name_of_text(size_t index, size_t count);

}  // namespace roberta
