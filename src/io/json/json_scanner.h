#pragma once
// A strict JSON scanner that hands out values one by one and builds nothing, for untrusted
// headers: the memory used does not depend on the nesting, and unknown parts cost no more than their bytes.
// It accepts and rejects what Rust's serde_json does (depth 127, RFC 8259 numbers within a double's range, no
// lone surrogates), because that is the parser behind the reference implementation of safetensors. The text
// must be valid UTF-8 (is_valid_utf8).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roberta {

/// Thrown by the scanner; whoever uses it adds the file's name.
struct JsonScanError {
  size_t offset;  ///< byte in the text
  std::string message;
};

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  size_t offset() const { return at_; }
  [[noreturn]] void fail_here(std::string message) const { throw JsonScanError{at_, std::move(message)}; }

  /// The first byte of the next value or punctuation, whitespace skipped; 0 at the end of the text.
  char peek();
  /// Consumes `c` if it is next.
  bool accept(char c);
  void expect(char c, const char* what);

  /// Objects and arrays: enter consumes the bracket; then `while (next_item(first, '}'))`, which reads the
  /// commas and leaves the container at its end.
  void enter(char open);
  bool next_item(bool& first, char close);

  /// A string with its escapes resolved.
  void string(std::string& out);
  /// A member's name with the colon after it.
  void key(std::string& out);
  /// A number; its value if it is written as a whole number from 0 to 2^64 - 1, else nothing.
  std::optional<uint64_t> number();
  void null();
  /// Any value, checked and dropped.
  void skip();
  /// Nothing but whitespace may follow.
  void end();

 private:
  void literal(std::string_view word);
  uint32_t hex4();
  void escape(std::string* out);
  void scan_string(std::string* out);
  void digits(const char* what);
  void check_range(std::string_view digits) const;

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace roberta
