// Validation (simdjson's, several GB/s) and repair of UTF-8.
#include <simdjson.h>

#include "text/tokenizer/pretokenize.h"

namespace roberta {

namespace {

struct Step {
  size_t bytes;
  bool valid;
};

/// The next code point or maximal ill-formed subpart at text[i], by table 3-7 of the Unicode standard.
Step next_step(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) {
    return i + k < text.size() ? static_cast<uint8_t>(text[i + k]) : uint8_t{0};
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : (lead & 0xF0) == 0xE0        ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0) return {1, false};
  uint8_t low = 0x80, high = 0xBF;  // what the second byte may be
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t k = 1; k < length; ++k, low = 0x80, high = 0xBF) {
    if (byte(k) < low || byte(k) > high) return {k, false};
  }
  return {length, true};
}

}  // namespace

bool is_well_formed(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string_view well_formed(std::string_view text, std::string& storage) {
  if (is_well_formed(text)) return text;
  storage.clear();
  for (size_t i = 0; i < text.size();) {
    const Step step = next_step(text, i);
    if (step.valid) {
      storage.append(text, i, step.bytes);
    } else {
      storage += "\xEF\xBF\xBD";
    }
    i += step.bytes;
  }
  return storage;
}

}  // namespace roberta
