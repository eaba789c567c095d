#pragma once
// Byte-level BPE as RoBERTa uses it. Ids, tokens and offsets equal those of Hugging Face `tokenizers` 0.23.3.
//
//     const auto tokenizer = roberta::Tokenizer::from_directory("roberta-base");
//     const roberta::Encoding encoding = tokenizer.encode("Hello world");
//     std::cout << tokenizer.decode(encoding.ids, true) << '\n';

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roberta {

/// [begin, end) in Unicode code points of the input text.
struct Offset {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Offset&) const = default;
};

/// One encoded text or pair. All vectors have one entry per token.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<Offset> offsets;               ///< {0,0} for added special tokens
  std::vector<uint8_t> special_tokens_mask;  ///< 1 for tokens that the template added
  std::vector<int8_t> sequence_ids;          ///< 0 or 1: which text; -1 for added special tokens
  std::vector<int32_t>
      words;  ///< with return_words: index of the pre-token in its text; -1 for added special tokens
  std::vector<Encoding> overflowing;  ///< further windows when truncated with overflow
};

enum class TruncationStrategy : uint8_t { kNone, kLongestFirst, kOnlyFirst, kOnlySecond };

struct EncodeOptions {
  bool add_special_tokens = true;  ///< <s> A </s>, and <s> A </s></s> B </s> for pairs
  bool parse_special_tokens =
      true;  ///< strings such as "<mask>" in the text become those tokens; false: ordinary text
  TruncationStrategy truncation = TruncationStrategy::kNone;
  int64_t max_length = 0;      ///< tokens, including added special tokens; ignored with kNone
  int64_t stride = 0;          ///< tokens that consecutive windows share
  bool truncate_left = false;  ///< cut at the beginning of the text instead of the end
  bool return_overflowing = false;
  bool return_words = false;             ///< ignored by encode_words, which gets words
  std::optional<bool> add_prefix_space;  ///< overrides the tokenizer's own setting
};

/// A special or added token of the vocabulary.
struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool special = false, lstrip = false, rstrip = false, normalized = false, single_word = false;
};

/// Immutable after construction: const methods may be called from any number of threads at once. Copying is
/// cheap.
class Tokenizer {
 public:
  /// Reads tokenizer.json, or vocab.json + merges.txt (with tokenizer_config.json, special_tokens_map.json
  /// and added_tokens.json where they exist). Throws Error(kModel) that names the file and field.
  static Tokenizer from_directory(const std::filesystem::path& directory);
  static Tokenizer from_file(const std::filesystem::path& tokenizer_json);

  /// Text is UTF-8; invalid bytes are read as U+FFFD, one for each maximal subpart.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const EncodeOptions& options = {}) const;
  /// The same for many texts on all cores; results in input order. threads = 0: all cores that this process
  /// may use.
  std::vector<Encoding> encode_batch(std::span<const std::string_view> texts,
                                     const EncodeOptions& options = {}, int threads = 0) const;
  /// Text already split into words (tagging): each word is encoded as with add_prefix_space; word_ids has one
  /// entry per token, -1 for added special tokens. Offsets are relative to each word.
  Encoding encode_words(std::span<const std::string_view> words, std::vector<int32_t>& word_ids,
                        const EncodeOptions& options = {}) const;
  /// The fast path: ids only, appended to `ids`; no truncation. `add_special_tokens` as above.
  void encode_ids(std::string_view text, std::vector<int32_t>& ids, bool add_special_tokens = true,
                  bool parse_special_tokens = true) const;
  /// Ids only for many texts on `threads` threads: text i is ids[starts[i] .. starts[i+1]).
  void encode_ids_batch(std::span<const std::string_view> texts, std::vector<int32_t>& ids,
                        std::vector<int64_t>& starts, bool add_special_tokens = true,
                        bool parse_special_tokens = true, int threads = 0) const;

  /// The bytes of all ids, with invalid UTF-8 replaced by U+FFFD. Throws Error(kInput) for an id outside the
  /// vocabulary.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = false) const;

  int32_t vocab_size() const;  ///< entries, added tokens included
  std::optional<int32_t> token_to_id(
      std::string_view token) const;  ///< token in byte-level spelling ("Ġworld")
  const std::string& id_to_token(
      int32_t id) const;  ///< byte-level spelling; Error(kInput) outside the vocabulary
  const std::vector<AddedToken>& added_tokens() const;
  bool is_special(int32_t id) const;

  int32_t bos_id() const;   ///< <s>; like the next four Error(kModel) if the tokenizer has none
  int32_t eos_id() const;   ///< </s>
  int32_t pad_id() const;   ///< <pad>
  int32_t unk_id() const;   ///< <unk>
  int32_t mask_id() const;  ///< <mask>
  bool has_mask() const;
  const std::string& mask_token() const;
  bool add_prefix_space() const;
  /// model_max_length of tokenizer_config.json, if it exists and is below 1e6.
  std::optional<int64_t> model_max_length() const;

  /// Writes tokenizer.json, vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json into an
  /// existing directory, each file atomically.
  void save(const std::filesystem::path& directory) const;
  /// The content of tokenizer.json as save() writes it: the same for tokenizers that encode every text in the
  /// same way.
  std::string to_json() const;

  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace roberta
