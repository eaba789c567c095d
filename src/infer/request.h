#pragma once
// One call of a Forward, validated: what is wanted of which sequences, in the order in which batches take it,
// and room for the outputs. Sequences of many requests may run in one batch.

#include <cstdint>
#include <span>
#include <vector>

#include "roberta/model.h"

namespace roberta {

struct Request {
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
  struct Output {
    int32_t token;   // in its sequence
    int32_t target;  // of kMlmLogProbs
    int64_t row;     // of the result
  };

  Kind kind;
  std::span<const Ids> sequences;  // the caller's, who waits
  std::vector<int64_t> layers;     // of kHiddenStates: 0 .. L
  int64_t top = 0;                 // of kMlmCandidates
  std::vector<Output> outputs;     // by sequence, then by token; none where every token has an output
  std::vector<int64_t> begins;     // [sequences + 1], of each its first output, or its first row of `out`
  Matrix out;
  std::vector<std::vector<TokenCandidate>> candidates;  // of kMlmCandidates, instead of `out`

  bool at_every_token() const { return kind >= Kind::kHiddenStates; }
  /// Sequences of which nothing is wanted are not run.
  bool wants(size_t sequence) const { return begins[sequence] < begins[sequence + 1]; }
  int64_t tokens(size_t sequence) const { return static_cast<int64_t>(sequences[sequence].size()); }
  /// Whether both may be in one batch.
  bool joins(const Request& other) const { return kind == other.kind && layers == other.layers; }
};

/// A sequence of a request, as part of a batch.
struct BatchSequence {
  Request* request;
  size_t sequence;
};

}  // namespace roberta
