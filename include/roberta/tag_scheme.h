#pragma once
// How the tags of words mark chunks, in data for token classification.
//
//     roberta::TokenEvaluationOptions options;
//     options.tag_scheme = roberta::TagScheme::kIob1;

#include <cstdint>

namespace roberta {

enum class TagScheme : uint8_t {
  kAuto,
  kIob1,  ///< B- only where a chunk follows another of its type without a gap
  kIob2,  ///< each chunk begins with B-
  kNone,  ///< tags don't mark chunks: parts of speech
};

}  // namespace roberta
