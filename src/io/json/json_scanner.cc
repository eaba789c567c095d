#include "io/json/json_scanner.h"

#include <charconv>
#include <system_error>
#include <utility>

#include "core/utf8.h"

namespace roberta {

namespace {

constexpr int kMaxDepth = 127;  // serde_json's limit of 128 is hit on entering the 128th

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Power of ten of the first digit other than 0, in a number that from_chars could not hold: above 0 it was
// too large.
bool is_above_one(std::string_view number) {
  int64_t magnitude = 0, exponent = 0;
  bool seen = false, fraction = false, negative = false;
  size_t i = number.starts_with('-') ? 1 : 0;
  for (; i < number.size() && number[i] != 'e' && number[i] != 'E'; ++i) {
    if (number[i] == '.') {
      fraction = true;
      continue;
    }
    seen = seen || number[i] != '0';
    if (seen && !fraction) ++magnitude;
    if (!seen && fraction) --magnitude;
  }
  if (i < number.size()) {
    ++i;
    if (i < number.size() && (number[i] == '+' || number[i] == '-')) negative = number[i++] == '-';
    for (; i < number.size() && exponent < (int64_t{1} << 40); ++i)
      exponent = exponent * 10 + (number[i] - '0');
  }
  return seen && magnitude + (negative ? -exponent : exponent) > 0;
}

}  // namespace

char JsonScanner::peek() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return c;
    ++at_;
  }
  return 0;
}

bool JsonScanner::accept(char c) {
  if (peek() != c || at_ == text_.size()) return false;
  ++at_;
  return true;
}

void JsonScanner::expect(char c, const char* what) {
  if (!accept(c)) fail_here(std::string("expected ") + what);
}

void JsonScanner::enter(char open) {
  expect(open, open == '{' ? "an object" : "an array");
  if (++depth_ > kMaxDepth) fail_here("nested too deeply");
}

bool JsonScanner::next_item(bool& first, char close) {
  if (accept(close)) {
    --depth_;
    return false;
  }
  if (!std::exchange(first, false)) {
    expect(',', "',' or the end of the list");
    if (peek() == close) fail_here("a value is missing after ','");
  }
  return true;
}

void JsonScanner::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) fail_here("expected a value");
  at_ += word.size();
}

uint32_t JsonScanner::hex4() {
  uint32_t value = 0;
  if (text_.size() - at_ < 4) fail_here("unterminated string");
  const char* begin = text_.data() + at_;
  const auto [stop, error] = std::from_chars(begin, begin + 4, value, 16);
  if (error != std::errc() || stop != begin + 4 || *begin == '-') fail_here("invalid \\u escape");
  at_ += 4;
  return value;
}

void JsonScanner::escape(std::string* out) {
  if (at_ == text_.size()) fail_here("unterminated string");
  static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  const char c = text_[at_++];
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    if (out) *out += kTo[i];
    return;
  }
  if (c != 'u') fail_here("invalid escape");
  uint32_t code = hex4();
  if (code >= 0xDC00 && code <= 0xDFFF) fail_here("lone surrogate");
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (text_.substr(at_, 2) != "\\u") fail_here("lone surrogate");
    at_ += 2;
    const uint32_t low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail_here("lone surrogate");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  if (out) append_utf8(*out, code);
}

void JsonScanner::scan_string(std::string* out) {
  expect('"', "a string");
  if (out) out->clear();
  for (size_t start = at_;;) {
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    if (out) out->append(text_.substr(start, at_ - start));
    if (at_ == text_.size()) fail_here("unterminated string");
    const char c = text_[at_++];
    if (c == '"') return;
    if (c != '\\') fail_here("control character in a string");
    escape(out);
    start = at_;
  }
}

void JsonScanner::string(std::string& out) { scan_string(&out); }

void JsonScanner::key(std::string& out) {
  if (peek() != '"') fail_here("expected a name in quotes");
  scan_string(&out);
  expect(':', "':'");
}

void JsonScanner::digits(const char* what) {
  if (at_ == text_.size() || !is_digit(text_[at_])) fail_here(what);
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
}

void JsonScanner::check_range(std::string_view number) const {
  double value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec == std::errc::result_out_of_range && is_above_one(number)) fail_here("number out of range");
}

std::optional<uint64_t> JsonScanner::number() {
  peek();
  const size_t start = at_;
  const bool negative = at_ < text_.size() && text_[at_] == '-';
  if (negative) ++at_;
  const bool zero = at_ < text_.size() && text_[at_] == '0';
  const size_t first_digit = at_;
  digits("expected a number");
  if (zero && at_ != first_digit + 1) fail_here("number with a leading 0");
  bool whole = !negative;
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    digits("expected a digit after '.'");
    whole = false;
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    digits("expected a digit in the exponent");
    whole = false;
  }
  const std::string_view token = text_.substr(start, at_ - start);
  uint64_t value = 0;
  if (whole && std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc())
    return value;
  check_range(token);
  return std::nullopt;
}

void JsonScanner::null() {
  peek();
  literal("null");
}

void JsonScanner::skip() {
  bool first = true;
  switch (peek()) {
    case '{':
      enter('{');
      while (next_item(first, '}')) {
        if (peek() != '"') fail_here("expected a name in quotes");
        scan_string(nullptr);
        expect(':', "':'");
        skip();
      }
      return;
    case '[':
      enter('[');
      while (next_item(first, ']')) skip();
      return;
    case '"':
      return scan_string(nullptr);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      (void)number();
  }
}

void JsonScanner::end() {
  if (peek() != 0 || at_ != text_.size()) fail_here("more text after the end of the document");
}

}  // namespace roberta
