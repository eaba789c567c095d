#include "text/tokenizer/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "core/utf8.h"
#include "text/unicode/unicode_table.h"
#include "text/unicode/word_table.h"

namespace roberta {

namespace {

/// Beginning of the code point before text[at]; at > 0.
size_t previous_char(std::string_view text, size_t at) {
  do --at;
  while (is_continuation(text[at]));
  return at;
}

bool space_at(std::string_view text, size_t at) {
  return char_class(decode_utf8(text.data() + at)) == CharClass::kSpace;
}

}  // namespace

size_t leading_spaces(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size() && space_at(text, at); ++count) at += utf8_length(text[at]);
  return count;
}

size_t trailing_spaces(std::string_view text) {
  size_t count = 0;
  for (size_t end = text.size(); end > 0; ++count) {
    end = previous_char(text, end);
    if (!space_at(text, end)) break;
  }
  return count;
}

void AddedTokenMatcher::Trie::add(std::string_view content, int32_t token) {
  const int first = static_cast<uint8_t>(content[0]);
  only_first_ = empty() || only_first_ == first ? first : -1;
  first_[first] = true;
  uint32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<uint8_t>(c);
    auto& children = nodes_[node].children;
    auto child = std::lower_bound(children.begin(), children.end(), std::pair<uint8_t, uint32_t>{byte, 0});
    if (child == children.end() || child->first != byte) {
      child = children.insert(child, {byte, static_cast<uint32_t>(nodes_.size())});
      node = child->second;
      nodes_.emplace_back();
    } else {
      node = child->second;
    }
  }
  nodes_[node].token = token;
}

int32_t AddedTokenMatcher::Trie::match(std::string_view text, size_t at, size_t& bytes) const {
  int32_t found = -1;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const auto& children = nodes_[node].children;
    const auto child =
        std::lower_bound(children.begin(), children.end(), std::pair<uint8_t, uint32_t>{byte, 0});
    if (child == children.end() || child->first != byte) break;
    node = child->second;
    if (nodes_[node].token < 0) continue;
    found = nodes_[node].token;
    bytes = i + 1 - at;
  }
  return found;
}

size_t AddedTokenMatcher::Trie::next_start(std::string_view text, size_t at) const {
  if (only_first_ >= 0) {
    const void* found = std::memchr(text.data() + at, only_first_, text.size() - at);
    return found == nullptr ? text.size()
                            : static_cast<size_t>(static_cast<const char*>(found) - text.data());
  }
  while (at < text.size() && !first_[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

AddedTokenMatcher::AddedTokenMatcher(const std::vector<AddedToken>& tokens) : tokens_(&tokens) {
  for (size_t i = 0; i < tokens.size(); ++i)
    (tokens[i].normalized ? normalized_ : plain_).add(tokens[i].content, static_cast<int32_t>(i));
}

void AddedTokenMatcher::split(std::string_view text, bool parse_special,
                              std::vector<TextPiece>& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  if (plain_.empty()) {
    pieces.push_back({text, -1});
  } else {
    find(plain_, text, parse_special, pieces);
  }
  if (normalized_.empty()) return;
  std::vector<TextPiece> again;
  for (const TextPiece& piece : pieces) {
    if (piece.id >= 0) {
      again.push_back(piece);
    } else {
      find(normalized_, piece.text, parse_special, again);
    }
  }
  pieces.swap(again);
}

void AddedTokenMatcher::find(const Trie& trie, std::string_view text, bool parse_special,
                             std::vector<TextPiece>& pieces) const {
  size_t done = 0;  // text before this is in `pieces`
  for (size_t at = trie.next_start(text, 0), next; at < text.size(); at = trie.next_start(text, next)) {
    next = at + 1;
    size_t bytes = 0;
    const int32_t index = trie.match(text, at, bytes);
    if (index < 0) continue;
    const AddedToken& token = (*tokens_)[static_cast<size_t>(index)];
    size_t begin = at, end = at + bytes;
    next = end;  // a match that is rejected below is not examined again
    if (token.special && !parse_special) continue;
    if (token.single_word) {
      const bool after_word =
          begin > 0 && is_word_char(decode_utf8(text.data() + previous_char(text, begin)));
      if (after_word || (end < text.size() && is_word_char(decode_utf8(text.data() + end)))) continue;
    }
    if (token.lstrip) {
      for (size_t before; begin > done; begin = before) {
        before = previous_char(text, begin);
        if (before < done || !space_at(text, before)) break;
      }
      begin = std::max(begin, done);
    }
    if (token.rstrip) {
      while (end < text.size() && space_at(text, end)) end += utf8_length(text[end]);
    }
    if (begin > end) continue;  // lies inside the white space that the previous match took
    if (done < begin) pieces.push_back({text.substr(done, begin - done), -1});
    pieces.push_back({text.substr(begin, end - begin), token.id});
    done = end;
  }
  if (done < text.size()) pieces.push_back({text.substr(done), -1});
}

}  // namespace roberta
