// Any bytes as a tokenizer.json: either an Error(kModel) or a tokenizer that encodes and decodes.
#include <string_view>
#include <vector>

#include "roberta/error.h"
#include "text/tokenizer/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const roberta::Tokenizer tokenizer =
        roberta::make_tokenizer(roberta::parse_tokenizer_json(json, "fuzz"), "fuzz");
    const roberta::Encoding encoding = tokenizer.encode_pair("a <s> b'll \xC3\xA9 <mask>", "  \xFF x");
    if (encoding.ids.size() != encoding.offsets.size()) __builtin_trap();
    std::vector<int32_t> ids;
    for (const int32_t id : encoding.ids) {
      if (tokenizer.token_to_id("a") == id) ids.push_back(id);
    }
    tokenizer.decode(ids);
  } catch (const roberta::Error& error) {
    if (error.code() != roberta::ErrorCode::kModel && error.code() != roberta::ErrorCode::kInput)
      __builtin_trap();
  }
  return 0;
}
