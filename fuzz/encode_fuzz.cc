// Any bytes as a text: the fast path, the path with offsets and the plain scanner agree, and decoding gives
// the text back.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/utf8.h"
#include "roberta/tokenizer.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/pretokenize.h"
#include "text/tokenizer/tokenizer_json.h"

namespace {

/// All bytes, a few merges, and <mask>.
roberta::Tokenizer small_tokenizer() {
  roberta::TokenizerSpec spec;
  int32_t next = 0;
  for (const char* token : {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}) spec.vocabulary.add(token, next++);
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelling;
    roberta::append_byte_char(spelling, static_cast<uint8_t>(byte));
    spec.vocabulary.add(spelling, next++);
  }
  const auto merge = [&](const std::string& left, const std::string& right) {
    spec.vocabulary.add(left + right, next++);
    spec.merges.push_back({*spec.vocabulary.find(left), *spec.vocabulary.find(right)});
  };
  for (const char* pair : {"aa", "ab", "th", "\xC4\xA0t", "''", "\xC4\xA0\xC4\xA0"}) {
    const std::string text = pair;
    const size_t first = static_cast<uint8_t>(text[0]) < 0x80 ? 1 : 2;
    merge(text.substr(0, first), text.substr(first));
  }
  merge("th", "e");
  merge("aa", "aa");
  merge("\xC3\x83", "\xC2\xA9");
  roberta::use_roberta_frame(spec);
  return roberta::make_tokenizer(std::move(spec));
}

void check(bool good) {
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const roberta::Tokenizer tokenizer = small_tokenizer();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string storage;
  const std::string_view valid = roberta::repaired_utf8(text, storage);
  check(roberta::is_valid_utf8(valid));
  const char* p = valid.data();
  roberta::for_each_pretoken(valid, [&](const char* word, size_t bytes) {
    check(word == p && bytes == roberta::next_pretoken(p, valid.data() + valid.size()));
    p += bytes;
  });
  check(p == valid.data() + valid.size());
  std::vector<int32_t> ids;
  tokenizer.encode_ids(text, ids, true, false);
  roberta::EncodeOptions options;
  options.parse_special_tokens = false;
  const roberta::Encoding encoding = tokenizer.encode(text, options);
  check(encoding.ids == ids && encoding.offsets.size() == ids.size());
  check(tokenizer.decode(ids, true) == valid);
  options.parse_special_tokens = true;
  options.truncation = roberta::TruncationStrategy::kLongestFirst;
  options.max_length = 7;
  options.stride = 0;
  options.return_overflowing = true;
  options.add_prefix_space = true;
  check(tokenizer.encode_pair(text, text.substr(size / 2), options).ids.size() <= 7);
  return 0;
}
