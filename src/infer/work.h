#pragma once
// One call of a Forward, checked: what is wanted of which sequences, in the order in which batches take it,
// and room for the answers. Sequences of many works may run in one batch.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct Work {
  using Ids = std::vector<int32_t>;
  enum class Kind : uint8_t {
    kMlmLogits,  // these at the tokens that are asked for
    kMlmCandidates,
    kMlmLogProbs,
    kTokenLogits,
    kFirstTokens,  // these at the first token of each sequence
    kSequenceLogits,
    kHiddenStates,  // these at every token
    kSpanLogits,
  };
  struct Answer {
    int32_t token;   // in its sequence
    int32_t target;  // of kMlmLogProbs
    int64_t row;     // of the result
  };

  Kind kind;
  std::span<const Ids> sequences;  // the caller's, who waits
  std::vector<int64_t> layers;     // of kHiddenStates: 0 .. L
  int64_t top = 0;                 // of kMlmCandidates
  std::vector<Answer> answers;     // by sequence, then by token; none where every token is answered
  std::vector<int64_t> begins;     // [sequences + 1], of each its first answer, or its first row of `out`
  Matrix out;
  std::vector<std::vector<TokenCandidate>> candidates;  // of kMlmCandidates, instead of `out`

  bool at_every_token() const { return kind >= Kind::kHiddenStates; }
  /// Sequences of which nothing is wanted are not run.
  bool wants(size_t sequence) const { return begins[sequence] < begins[sequence + 1]; }
  int64_t tokens(size_t sequence) const { return static_cast<int64_t>(sequences[sequence].size()); }
  /// Whether both may be in one batch.
  bool joins(const Work& other) const { return kind == other.kind && layers == other.layers; }
};

/// A sequence of a work, as part of a batch.
struct Piece {
  Work* work;
  size_t sequence;
};

}  // namespace roberta
