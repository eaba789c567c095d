#pragma once
// From logits of starts and ends to answers, as transformers' run_qa does it (postprocess_qa_predictions).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/features.h"

namespace roberta {

struct SquadDecodeOptions {
  int64_t n_best = 20;        ///< starts and ends tried in each window, and number of answers kept
  int64_t max_answer = 30;    ///< tokens
  bool version2 = false;      ///< "" is also an answer
  double null_threshold = 0;  ///< "" is the answer when its score less the best other one is above
  bool max_context =
      false;  ///< a token may begin an answer only in the window that has most context around it
};

struct SquadCandidate {
  std::string text;
  float start_logit = 0, end_logit = 0;
  double probability = 0;  ///< softmax of start_logit + end_logit over the candidates of the question
  Offset offset;           ///< code points of the context; {0, 0} of no answer

  float score() const { return start_logit + end_logit; }
};

struct SquadDecoded {
  std::string text;                    ///< "" of version 2: no answer
  std::vector<SquadCandidate> n_best;  ///< highest score first; the best is not always `text` (the threshold)
  double null_odds =
      0;  ///< of version 2: score of no answer (lowest of all windows) less that of the best answer
};

/// A window and its logits, [T, 2]: start and end of each token of the sequence.
struct SquadWindow {
  const SpanFeature* feature;
  std::span<const float> logits;
};

/// `windows`: all those of one question. Of equal scores the one found first counts, starts and ends by
/// logit, then position.
SquadDecoded decode_squad(std::string_view context, std::span<const SquadWindow> windows,
                          const SquadDecodeOptions& options);

}  // namespace roberta
