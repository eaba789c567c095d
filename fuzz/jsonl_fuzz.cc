// Rows of JSONL as the streaming commands read them. Whatever is accepted must go through with_members() and
// come back as a row with the same text.

#include <cstdlib>
#include <string_view>

#include "cli/io/json_row.h"
#include "core/utf8.h"
#include "roberta/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace roberta;
  using namespace roberta::cli;
  std::string_view line(reinterpret_cast<const char*>(data), size);
  if (find_invalid_utf8(replace_invalid_utf8(line)) != std::string_view::npos) std::abort();
  for (Field field : {Field::kText, Field::kIds}) {
    try {
      ParsedRow row = parse_row(line, field);
      ParsedRow again = parse_row(with_members(line, row.has_output, "\"output\":[]"), field);
      if (again.text != row.text || again.ids != row.ids || !again.has_output) std::abort();
    } catch (const roberta::Error&) {
    }
  }
  try {
    parse_ids(line);
  } catch (const roberta::Error&) {
  }
  return 0;
}
