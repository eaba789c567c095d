#include "server/core/auth.h"

#include <algorithm>

#include "core/error.h"

namespace roberta::server {
namespace {

/// The token of "Bearer TOKEN"; the scheme in any case (RFC 9110).
std::string_view token_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != kScheme[i]) return {};
  }
  authorization.remove_prefix(
      std::min(authorization.find_first_not_of(' ', kScheme.size()), authorization.size()));
  return authorization;
}

}  // namespace

ApiKeys::Padded ApiKeys::pad(std::string_view key) {
  Padded out{};
  std::copy_n(key.begin(), std::min(key.size(), kKeyBytes), out.begin());
  // A length that does not fit in 16 bits is longer than any key anyway.
  const size_t length = std::min<size_t>(key.size(), 0xffff);
  out[kKeyBytes] = static_cast<unsigned char>(length & 0xff);
  out[kKeyBytes + 1] = static_cast<unsigned char>(length >> 8);
  return out;
}

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const bool valid = !key.empty() && key.size() <= kKeyBytes &&
                       std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!valid)
      fail(ErrorCode::kUsage, "[serve] an API key must be 1 to ", kKeyBytes,
           " printable ASCII characters without spaces");
    keys_.push_back(pad(key));
  }
}

bool ApiKeys::authorizes(std::string_view authorization) const {
  if (keys_.empty()) return true;
  const Padded sent = pad(token_of(authorization));
  unsigned matches = 0;
  for (const Padded& key : keys_) {
    // volatile: every byte of every key is read, whatever the others were.
    volatile unsigned difference = 0;
    for (size_t i = 0; i < key.size(); ++i) difference = difference | static_cast<unsigned>(key[i] ^ sent[i]);
    matches |= ((difference - 1u) >> 31) & 1u;  // 1 when the difference is 0
  }
  return matches != 0;
}

}  // namespace roberta::server
