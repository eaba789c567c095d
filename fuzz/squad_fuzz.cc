// Files of SQuAD from any bytes; the first one chooses the options. Answers that are read stand where they
// say.

#include <cstdlib>
#include <string>
#include <string_view>

#include "roberta/error.h"
#include "tasks/datasets/squad_data.h"

namespace {

using namespace roberta;

/// The part of `text` after its first `count` code points.
std::string_view skip(std::string_view text, int64_t count) {
  for (; count > 0; --count) {
    if (text.empty()) std::abort();
    do text.remove_prefix(1);
    while (!text.empty() && (static_cast<uint8_t>(text[0]) & 0xC0) == 0x80);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  SquadDataOptions options;
  options.training = (data[0] & 1) != 0;
  options.offsets = (data[0] & 2) != 0 ? "error" : "repair";
  options.limit = data[0] >> 2 & 1;
  try {
    const SquadData read =
        parse_squad("a.json", std::string(reinterpret_cast<const char*>(data + 1), size - 1), options);
    if (read.questions.empty() || (options.limit > 0 && read.questions.size() > 1)) std::abort();
    for (const SquadQuestion& question : read.questions) {
      if (question.context >= read.contexts.size() || question.line < 1) std::abort();
      if (options.training && question.impossible != question.answers.empty()) std::abort();
      for (const SquadAnswer& answer : question.answers) {
        if (answer.start < 0 && !options.training) continue;
        if (!skip(read.contexts[question.context], answer.start).starts_with(answer.text)) std::abort();
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInput) std::abort();
  }
  return 0;
}
