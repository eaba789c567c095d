#include "server/core/base64.h"

#include <cstdint>

namespace roberta::server {

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](size_t i) -> uint32_t {
    return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0;
  };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    char four[] = {kDigits[three >> 18], kDigits[three >> 12 & 63], kDigits[three >> 6 & 63],
                   kDigits[three & 63]};
    for (size_t missing = bytes.size() - i; missing < 3; ++missing) four[missing + 1] = '=';
    out.append(four, 4);
  }
}

}  // namespace roberta::server
