#include "tasks/decoding/mask_words.h"

#include "core/utf8.h"

namespace roberta {

std::vector<int32_t> word_tokens(const Tokenizer& tokenizer, std::string_view text, Offset offset,
                                 const std::string& word) {
  // Offsets count code points; where the mask has taken a space, its first byte is not the mask token's.
  size_t byte = 0;
  for (uint32_t n = 0; n < offset.begin; ++n) {
    ++byte;
    while (byte < text.size() && is_continuation(text[byte])) ++byte;
  }
  const bool space_inside =
      byte < text.size() && text.substr(byte, tokenizer.mask_token().size()) != tokenizer.mask_token();
  const bool space_before = byte > 0 && byte <= text.size() && text[byte - 1] == ' ';
  const bool space = (space_inside || space_before) && !word.starts_with(' ');
  EncodeOptions options;
  options.add_special_tokens = false;
  options.parse_special_tokens = false;
  return tokenizer.encode((space ? " " : "") + word, options).ids;
}

std::vector<int32_t> filled(const std::vector<int32_t>& ids, int32_t position,
                            std::span<const int32_t> tokens) {
  std::vector<int32_t> out(ids.begin(), ids.begin() + position);
  out.insert(out.end(), tokens.begin(), tokens.end());
  out.insert(out.end(), ids.begin() + position + 1, ids.end());
  return out;
}

}  // namespace roberta
