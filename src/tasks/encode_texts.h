#pragma once
// Texts to token ids for a model of limited length; shared by the tasks.

#include <span>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

/// Encodes all texts on all cores. Too long: cut when `truncate`, else Error(kInput) "[part] text N has ...".
std::vector<Encoding> encode_texts(const Tokenizer& tokenizer, std::span<const std::string> texts,
                                   int64_t max_length, bool truncate, const char* part);

}  // namespace roberta
