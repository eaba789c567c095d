#pragma once
// Everything that defines a tokenizer, as read from files or made by the trainer: what tokenizer.json holds.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roberta/tokenizer.h"
#include "text/tokenizer/vocabulary.h"

namespace roberta {

/// A step of the template that frames encoded texts.
struct TemplatePiece {
  enum class Kind : uint8_t { kFirst, kSecond, kSpecial };
  Kind kind = Kind::kFirst;
  std::vector<int32_t> ids;  ///< of a special piece
};

struct TokenizerSpec {
  Vocabulary vocabulary;  ///< of the model; added tokens may lie outside it
  std::vector<std::array<int32_t, 2>>
      merges;                       ///< pairs of ids, best first; each joined string is in the vocabulary
  std::vector<int32_t> merged_ids;  ///< id of each merge's joined string; may be left empty
  std::vector<AddedToken> added_tokens;  ///< in file order; ids are assigned by the tokenizer

  std::optional<std::string> unk_token;  ///< for bytes that the vocabulary lacks
  bool fuse_unk = false;
  bool ignore_merges = false;  ///< a pre-token that is an entry itself is taken whole

  bool add_prefix_space = false;    ///< of the pre-tokenizer
  bool split_words = true;          ///< of the pre-tokenizer: use_regex
  bool byte_level_decoder = true;   ///< false: tokens are joined with spaces, as without a decoder
  bool trim_offsets = true;         ///< of the post-processor
  bool prefix_space_trims = false;  ///< the post-processor's own add_prefix_space
  std::vector<TemplatePiece> single = {{TemplatePiece::Kind::kFirst, {}}};
  std::vector<TemplatePiece> pair = {{TemplatePiece::Kind::kFirst, {}}, {TemplatePiece::Kind::kSecond, {}}};
  /// How tokenizer.json spells the post-processor; empty: RobertaProcessing is written.
  std::string post_processor_json;

  std::string bos_token = "<s>", eos_token = "</s>", pad_token = "<pad>", unk_name = "<unk>",
              mask_token = "<mask>";
  std::optional<int64_t> model_max_length;
};

/// Adds what RoBERTa's files have around vocabulary and merges: the five special tokens (those in the
/// vocabulary;
/// "<mask>" takes the white space before it) and the frame <s> A </s></s> B </s>. Error(kModel) without <s>
/// or </s>.
void use_roberta_frame(TokenizerSpec& spec);

/// Checks the specification and builds the tables. Error(kModel), its message beginning with `where`.
Tokenizer make_tokenizer(TokenizerSpec spec, const std::string& where = "tokenizer");

}  // namespace roberta
