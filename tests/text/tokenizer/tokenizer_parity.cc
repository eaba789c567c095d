// Not a test by itself: encodes texts for tools/parity/tokenizer_parity.py.
// Usage: tokenizer_parity DIRECTORY|FILE.json [--frame] [--plain-text] [--prefix-space]
// Reads records {uint32 bytes, text} from stdin to its end; writes {uint32 n, int32 ids[n], uint32
// offsets[n][2]} each.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/error.h"
#include "roberta/tokenizer.h"

namespace {

void encode_all(const roberta::Tokenizer& tokenizer, const roberta::EncodeOptions& options,
                const std::string& input) {
  std::vector<std::string_view> texts;
  for (size_t at = 0; at + 4 <= input.size();) {
    uint32_t bytes = 0;
    __builtin_memcpy(&bytes, input.data() + at, 4);
    texts.push_back(std::string_view(input).substr(at + 4, bytes));
    at += 4 + size_t{bytes};
  }
  for (const roberta::Encoding& encoding : tokenizer.encode_batch(texts, options, 1)) {
    const auto count = static_cast<uint32_t>(encoding.ids.size());
    std::fwrite(&count, 4, 1, stdout);
    std::fwrite(encoding.ids.data(), 4, count, stdout);
    std::fwrite(encoding.offsets.data(), 8, count, stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  roberta::EncodeOptions options;
  options.add_special_tokens = false;
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--frame") options.add_special_tokens = true;
    if (flag == "--plain-text") options.parse_special_tokens = false;
    if (flag == "--prefix-space") options.add_prefix_space = true;
  }
  const std::filesystem::path path = argv[1];
  const auto tokenizer = std::filesystem::is_directory(path) ? roberta::Tokenizer::from_directory(path)
                                                             : roberta::Tokenizer::from_file(path);
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  encode_all(tokenizer, options, input);
  return 0;
} catch (const roberta::Error& error) {
  std::cerr << error.what() << '\n';
  return static_cast<int>(error.code());
}
