// Tables of texts from any bytes; the first one chooses the format and the kind of labels. What is read obeys
// the header's promises, and is read alike with the labels that were found given.

#include <algorithm>
#include <cstdlib>
#include <string>

#include "roberta/error.h"
#include "tasks/datasets/text_data.h"

namespace {

using namespace roberta;

void check(const TextData& data, size_t bytes) {
  if (data.examples.empty()) std::abort();
  for (const TextExample& example : data.examples) {
    if (example.line < 1 || example.line > static_cast<int64_t>(bytes) + 1) std::abort();
    if (example.first.size() + example.second.size() > bytes) std::abort();
    if (example.label < -1 || example.label >= static_cast<int64_t>(data.labels.size())) {
      if (data.kind == LabelKind::kClass) std::abort();
    }
    for (const int32_t label : example.label_set) {
      if (label < 0 || label >= static_cast<int64_t>(data.labels.size())) std::abort();
    }
    if (!std::is_sorted(example.label_set.begin(), example.label_set.end())) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static constexpr const char* kNames[] = {"a.tsv", "a.csv", "a.jsonl", "a"};
  const char* name = kNames[data[0] & 3];
  TextDataOptions options;
  options.columns.first = {"a", "1"};
  if (data[0] & 4) options.columns.second = {"b", "2"};
  options.columns.label = {"label", "3"};
  options.kind = static_cast<LabelKind>(std::min(data[0] >> 3 & 3, 2));
  options.columns.header = (data[0] & 32) == 0;
  options.labelled = (data[0] & 64) == 0;
  options.columns.drop_broken = (data[0] & 128) != 0;
  bool accepted = false;
  try {
    const TextData first = parse_text_data(name, bytes, options);
    check(first, bytes.size());
    accepted = true;
    options.labels = first.labels;
    const TextData second = parse_text_data(name, bytes, options);
    if (second.examples.size() != first.examples.size() || second.labels != first.labels) std::abort();
    for (size_t i = 0; i < first.examples.size(); ++i) {
      const TextExample &a = first.examples[i], &b = second.examples[i];
      if (a.label != b.label || a.label_set != b.label_set || a.first != b.first || a.line != b.line)
        std::abort();
    }
  } catch (const Error& error) {
    if (accepted || error.code() != ErrorCode::kInput) std::abort();
  }
  return 0;
}
