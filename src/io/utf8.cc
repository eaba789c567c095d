#include "io/utf8.h"

#include <cstdint>
#include <cstring>

namespace roberta {
namespace {

struct Step {
  size_t length;  // bytes of the sequence, or of the maximal ill-formed subpart
  bool valid;
};

/// The sequence at the beginning of a text that isn't empty.
Step next(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  unsigned first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xc2 || first > 0xf4) return {1, false};
  size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return {1, false};
  for (size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return {i, false};
  return {length, true};
}

}  // namespace

size_t find_invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    uint64_t eight;
    if (i + 8 <= text.size() &&
        (std::memcpy(&eight, text.data() + i, 8), (eight & 0x8080808080808080u) == 0)) {
      i += 8;
      continue;
    }
    Step step = next(text.substr(i));
    if (!step.valid) return i;
    i += step.length;
  }
  return std::string_view::npos;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Step step = next(text);
    if (step.valid)
      out += text.substr(0, step.length);
    else
      out += "\xef\xbf\xbd";
    text.remove_prefix(step.length);
  }
  return out;
}

}  // namespace roberta
