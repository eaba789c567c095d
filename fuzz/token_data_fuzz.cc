// Tagged sentences from any bytes; the first one chooses the format and the scheme. What is read is legal
// IOB2, and is read alike with the labels that were found given.

#include <cstdlib>
#include <string>

#include "roberta/error.h"
#include "tasks/datasets/token_data.h"

namespace {

using namespace roberta;

void check(const TokenData& data, const TokenDataOptions& options) {
  if (data.sentences.empty()) std::abort();
  for (const TaggedSentence& sentence : data.sentences) {
    if (sentence.words.empty() || sentence.line < 1) std::abort();
    if (sentence.tags.size() != (options.labelled ? sentence.words.size() : 0)) std::abort();
    std::string before = "O";
    for (const int32_t tag : sentence.tags) {
      if (tag < 0 || tag >= static_cast<int64_t>(data.labels.size())) std::abort();
      const std::string& name = data.labels[static_cast<size_t>(tag)];
      if (options.scheme != "none") {
        if (name != "O" && !name.starts_with("B-") && !name.starts_with("I-")) std::abort();
        if (name[0] == 'I' && (before == "O" || before.substr(2) != name.substr(2))) std::abort();
      }
      before = name;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static constexpr const char* kNames[] = {"a.conll", "a.jsonl", "-", "a.txt"};
  static constexpr const char* kSchemes[] = {"auto", "iob1", "iob2", "none"};
  const char* name = kNames[data[0] & 3];
  TokenDataOptions options;
  options.text_column = "t";
  options.label_column = "g";
  options.scheme = kSchemes[data[0] >> 2 & 3];
  options.labelled = (data[0] & 16) == 0;
  options.tag_column = data[0] >> 5 & 3;
  bool accepted = false;
  try {
    const TokenData first = parse_token_data(name, bytes, options);
    check(first, options);
    accepted = true;
    options.labels = first.labels;
    const TokenData second = parse_token_data(name, bytes, options);
    if (second.sentences.size() != first.sentences.size()) std::abort();
    for (size_t i = 0; i < first.sentences.size(); ++i) {
      if (second.sentences[i].tags != first.sentences[i].tags) std::abort();
    }
  } catch (const Error& error) {
    if (accepted || error.code() != ErrorCode::kInput) std::abort();
  }
  return 0;
}
