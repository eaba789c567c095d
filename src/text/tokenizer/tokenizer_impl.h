#pragma once
// What a Tokenizer holds, and the inner steps of encoding. Immutable but for the pool of working states.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"
#include "text/tokenizer/added_tokens.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/pretokenize.h"
#include "text/tokenizer/tokenizer_spec.h"
#include "text/tokenizer/word_cache.h"

namespace roberta {

/// Working memory of one encoding call; kept between calls, because its cache makes encoding fast.
struct EncodeState {
  WordCache cache;
  BpeScratch scratch;
  std::vector<WordPiece> word_pieces;
  std::vector<TextPiece> text_pieces;
  std::string repaired, prefixed;
};

/// Lends states to calls. Lock-free; keeps at most kSlots of them. A thread tends to get the one it had
/// before.
class StatePool {
 public:
  StatePool() = default;
  ~StatePool();
  StatePool(const StatePool&) = delete;
  StatePool& operator=(const StatePool&) = delete;

  std::unique_ptr<EncodeState> take();
  void give_back(std::unique_ptr<EncodeState> state);

 private:
  static constexpr size_t kSlots = 64;
  static size_t slot_of_thread();
  std::atomic<EncodeState*> slots_[kSlots] = {};
};

/// A state of the pool, for the length of a scope.
class BorrowedState {
 public:
  explicit BorrowedState(StatePool& pool) : pool_(pool), state_(pool.take()) {}
  ~BorrowedState() { pool_.give_back(std::move(state_)); }
  BorrowedState(const BorrowedState&) = delete;
  BorrowedState& operator=(const BorrowedState&) = delete;
  EncodeState& operator*() const { return *state_; }

 private:
  StatePool& pool_;
  std::unique_ptr<EncodeState> state_;
};

/// How many spaces a token begins and ends with: what trimming takes off its offsets.
struct TokenSpaces {
  uint32_t leading = 0, trailing = 0;
};

/// The tokens of one text, before truncation, trimming and framing. Vectors have one entry a token.
struct Sequence {
  std::vector<int32_t> ids;
  std::vector<Offset> offsets;  // untrimmed
  std::vector<TokenSpaces> spaces;
  std::vector<int32_t> words;  // which word (encode_words) or pre-token (return_words); empty otherwise
  int32_t pretokens = -1;      // counts them when 0 or more
};

struct Tokenizer::Impl {
  Impl(TokenizerSpec specification, const std::string& where);

  struct TokenInfo {
    uint16_t bytes = 0;  // of text that a token of the model stands for
    uint16_t leading = 0, trailing = 0;
  };

  TokenizerSpec spec;  // added tokens carry their final ids here
  Bpe bpe;
  AddedTokenMatcher matcher;
  std::vector<TokenInfo> info;       // by id of the model's vocabulary
  std::vector<int32_t> added_of_id;  // index into spec.added_tokens, or -1
  std::vector<uint8_t> special_of_id;
  bool exact_lengths = true;  // info has the length of every token (no fused or dropped bytes)
  int32_t entries = 0;        // added tokens included
  int32_t bos = -1, eos = -1, pad = -1, unk = -1, mask = -1;  // -1: none
  mutable StatePool states;

  const std::string* token(int32_t id) const;  // nullptr: outside the vocabulary
  std::optional<int32_t> find(std::string_view token) const;

  /// Appends the ids of a text, without frame.
  void append_ids(std::string_view text, bool parse_special, bool add_prefix_space, EncodeState& state,
                  std::vector<int32_t>& ids) const;
  /// Appends tokens with offsets.
  void append_tokens(std::string_view text, bool parse_special, bool add_prefix_space, EncodeState& state,
                     Sequence& sequence) const;
};

/// Truncates and frames one or two sequences (`second` may be null). `word_ids`, when wanted, gets the words
/// of the result's tokens (of the first window).
Encoding post_process(const Tokenizer::Impl& impl, const Sequence& first, const Sequence* second,
                      const EncodeOptions& options, std::vector<int32_t>* word_ids);

}  // namespace roberta
