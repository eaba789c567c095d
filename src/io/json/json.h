#pragma once
// Small untrusted JSON documents (config.json and the like): parsed under limits, read field by field with
// ranges. Errors are Error(kModel) "[part] FILE: ..." with line and column, or the field. Big documents
// and hot paths use simdjson instead.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace roberta {

/// Members keep the order of the file.
using Json = nlohmann::ordered_json;

constexpr int kMaxJsonDepth = 64;

/// Rejects nesting above kMaxJsonDepth, duplicate keys, invalid UTF-8 and text after the document.
Json parse_json(std::string_view text, const std::string& part, const std::string& file_name);
/// The same of a file of at most `limit` bytes.
Json read_json_file(const std::filesystem::path& path, const std::string& part, uint64_t limit = 64u << 20);

/// Typed fields of an object. Borrows the Json and the names: it must not outlive them. A null field
/// counts as absent, as in the Python libraries that write these files.
class JsonFields {
 public:
  /// Error when `value` is not an object. `where` is put before the fields' names in messages ("module 1: ").
  JsonFields(const Json& value, std::string part, std::string file_name, std::string where = "");

  /// nullptr: absent or null.
  const Json* find(std::string_view name) const;
  /// A whole number from `low` to `high`; 12.0 counts as 12.
  int64_t integer(std::string_view name, int64_t fallback, int64_t low, int64_t high) const;
  /// A finite number from `low` to `high`.
  double number(std::string_view name, double fallback, double low, double high) const;
  bool boolean(std::string_view name, bool fallback) const;
  std::string string(std::string_view name, std::string fallback) const;
  /// Always throws: "[part] FILE: field 'name' why".
  [[noreturn]] void refuse(std::string_view name, const std::string& why) const;

 private:
  const Json& value_;
  std::string part_, file_name_, where_;
};

}  // namespace roberta
