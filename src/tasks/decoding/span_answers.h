#pragma once
// From the logits of a question's windows to answers, as in the question-answering pipeline of
// transformers 4.

#include <span>
#include <vector>

#include "roberta/pipeline.h"
#include "tasks/code_points.h"

namespace roberta {

/// A window of the context: its encoding (with words), and the logits of its tokens, [tokens, 2]: start, end.
struct SpanWindow {
  const Encoding* encoding;
  std::span<const float> logits;
};

/// Best first, top_k at most. Error(kNumeric) when logits are NaN or infinite.
std::vector<Answer> span_answers(const CodePoints& context, std::span<const SpanWindow> windows,
                                 const AnswerOptions& options);

}  // namespace roberta
