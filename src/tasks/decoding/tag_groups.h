#pragma once
// From the probabilities of tokens to tags and groups of tags, as transformers' token-classification
// pipeline.

#include <span>
#include <string>
#include <vector>

#include "roberta/pipeline.h"
#include "tasks/code_points.h"

namespace roberta {

struct TagToken {
  int64_t index = 0;  ///< in the sequence, <s> counted
  std::string word;   ///< the token's spelling ("Ġworld"); of an unknown token, the text it stands for
  Offset offset;
  bool continues = false;  ///< continues the word of the previous token
};

/// The pipeline's guess for byte-level tokens: no blank at its first character or before it.
bool continues_word(const CodePoints& text, Offset offset);

/// scores: [tokens, labels]. Tags in order, those to ignore left out.
std::vector<Tag> group_tags(std::span<const TagToken> tokens, const Matrix& scores,
                            std::span<const std::string> labels, const TagOptions& options);

}  // namespace roberta
