#pragma once
// Finds special and added tokens in a text, before it is split into words: leftmost and longest, first those
// that are not `normalized`, then the others in what is left, with the white space that lstrip and rstrip
// take along.

#include <cstdint>
#include <string_view>
#include <vector>

#include "roberta/tokenizer.h"

namespace roberta {

/// A stretch of text: ordinary (id -1), or an added token with the white space it took.
struct TextPiece {
  std::string_view text;
  int32_t id = -1;
};

class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  /// `tokens` must outlive this object.
  explicit AddedTokenMatcher(const std::vector<AddedToken>& tokens);

  /// Cuts valid UTF-8 into pieces; with parse_special false, special tokens are ordinary text.
  void split(std::string_view text, bool parse_special, std::vector<TextPiece>& pieces) const;

 private:
  /// A trie over the tokens' bytes, children sorted by byte.
  class Trie {
   public:
    void add(std::string_view content, int32_t token);
    bool empty() const { return nodes_.size() <= 1; }
    /// Longest token that starts at text[at]; -1: none. `bytes` gets its length.
    int32_t match(std::string_view text, size_t at, size_t& bytes) const;
    /// First position from `at` on where a token may start.
    size_t next_start(std::string_view text, size_t at) const;

   private:
    struct Node {
      int32_t token = -1;
      std::vector<std::pair<uint8_t, uint32_t>> children;
    };
    std::vector<Node> nodes_ = {Node{}};
    bool first_[256] = {};
    int only_first_ = -1;  // the one byte that all tokens start with, or -1
  };

  void find(const Trie& trie, std::string_view text, bool parse_special,
            std::vector<TextPiece>& pieces) const;

  const std::vector<AddedToken>* tokens_ = nullptr;
  Trie plain_, normalized_;
};

/// Code points of white space at the beginning and at the end of a text.
size_t leading_spaces(std::string_view text);
size_t trailing_spaces(std::string_view text);

}  // namespace roberta
