#include "tasks/encode_texts.h"

#include "core/error.h"

namespace roberta {

std::vector<Encoding> encode_texts(const Tokenizer& tokenizer, std::span<const std::string> texts,
                                   int64_t max_length, bool truncate, int threads, const char* part) {
  EncodeOptions options;
  if (truncate) {
    options.truncation = TruncationStrategy::kLongestFirst;
    options.max_length = max_length;
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<Encoding> encodings = tokenizer.encode_batch(views, options, threads);
  for (size_t i = 0; i < encodings.size(); ++i) {
    const int64_t n = static_cast<int64_t>(encodings[i].ids.size());
    if (n > max_length) {
      fail(ErrorCode::kInput, "[", part, "] ", name_of_text(i, texts.size()), " has ", n,
           " tokens; the model takes at most ", max_length, ": shorten or split the text");
    }
  }
  return encodings;
}

std::string name_of_text(size_t index, size_t count) {
  return count == 1 ? "the text" : concat("text ", index);
}

}  // namespace roberta
