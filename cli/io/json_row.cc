#include "cli/io/json_row.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "roberta/error.h"

namespace roberta::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kMaxDepth = 64;

[[noreturn]] void reject(const std::string& message) { throw Error(ErrorCode::kInput, "[input] " + message); }

/// A member that a row may have, and its type.
struct Member {
  const char* name;
  enum Kind : uint8_t { kFirst, kSecond, kWords, kIds } kind;
  const char* what() const {
    return kind == kIds ? "a list of numbers" : kind == kWords ? "a list of strings" : "a string";
  }
  bool is_list() const { return kind == kIds || kind == kWords; }
};
std::span<const Member> members_of(Field field) {
  static constexpr Member kText[] = {{"text", Member::kFirst}}, kIds[] = {{"ids", Member::kIds}},
                          kPair[] = {{"text", Member::kFirst}, {"text_pair", Member::kSecond}},
                          kWords[] = {{"text", Member::kFirst}, {"words", Member::kWords}},
                          kQuestion[] = {{"question", Member::kFirst}, {"context", Member::kSecond}};
  switch (field) {
    case Field::kText:
      return kText;
    case Field::kIds:
      return kIds;
    case Field::kPair:
      return kPair;
    case Field::kWords:
      return kWords;
    case Field::kQuestion:
      return kQuestion;
  }
  return kText;
}

/// Receives the parser's events and keeps only the requested members.
class RowHandler : public nlohmann::json_sax<Json> {
 public:
  explicit RowHandler(std::span<const Member> members) : members_(members) {}

  ParsedRow row;
  std::string error;

  bool found(size_t member) const { return (found_ >> member & 1) != 0; }

  bool null() override { return scalar("null"); }
  bool boolean(bool) override { return scalar("true or false"); }
  bool number_integer(number_integer_t value) override { return integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return integer(value > INT64_MAX ? INT64_MAX : static_cast<int64_t>(value));
  }
  bool number_float(number_float_t, const string_t&) override { return scalar("a fraction"); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (in_list_ && depth_ == 2 && member_->kind == Member::kWords) {
      row.words->push_back(std::move(value));
    } else if (at_member() && member_->kind == Member::kFirst) {
      row.text = std::move(value);
      row.has_text = true;
    } else if (at_member() && member_->kind == Member::kSecond) {
      row.second = std::move(value);
    } else {
      return scalar("a string");
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ > 0 && !scalar("an object")) return false;
    return deeper();
  }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return stop(expected() + ", got a list");
    if (at_member() && member_->is_list()) {
      in_list_ = true;
      if (member_->kind == Member::kWords) row.words.emplace();
    } else if (!scalar("a list")) {
      return false;
    }
    return deeper();
  }
  bool end_array() override {
    if (--depth_ == 1) in_list_ = false;
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ != 1) return true;
    row.has_output |= value == "output" || value == "error";
    member_ = nullptr;
    for (size_t i = 0; i < members_.size(); ++i) {
      if (value != members_[i].name) continue;
      if (found(i)) return stop("member '" + value + "' appears twice in the row");
      member_ = &members_[i];
      found_ |= 1u << i;
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."; the line is always the first.
    std::string message = e.what();
    size_t column = message.find("column ");
    if (column == std::string::npos) column = message.find("] ") + 2;
    error = "not JSON: " + message.substr(column);
    return false;
  }

 private:
  std::string expected() const {
    return "expected an object {\"" + std::string(members_[0].name) + "\": ...}";
  }
  bool at_member() const { return depth_ == 1 && member_ != nullptr; }
  bool stop(std::string message) { return error = std::move(message), false; }
  bool deeper() { return ++depth_ <= kMaxDepth || stop("nested deeper than " + std::to_string(kMaxDepth)); }
  bool integer(int64_t value) {
    if (!in_list_ || depth_ != 2 || member_->kind != Member::kIds) return scalar("a number");
    if (value < 0 || value > std::numeric_limits<int32_t>::max())
      return stop("id " + std::to_string(value) + " is not a token id");
    row.ids.push_back(static_cast<int32_t>(value));
    return true;
  }
  /// A value whose type does not match the current member.
  bool scalar(const char* what) {
    if (depth_ == 0) return stop(expected() + ", got " + what);
    if (in_list_ || at_member())
      return stop("'" + std::string(member_->name) + "' must be " + member_->what() + ", not " + what);
    return true;
  }

  std::span<const Member> members_;
  const Member* member_ = nullptr;  // the member whose value is being read, at depth 1
  unsigned found_ = 0;
  int depth_ = 0;
  bool in_list_ = false;
};

std::vector<int32_t> parse_plain_ids(std::string_view line) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t' || line[i] == ',') {
      ++i;
      continue;
    }
    int32_t id = 0;
    auto [end, error] = std::from_chars(line.data() + i, line.data() + line.size(), id);
    size_t next = static_cast<size_t>(end - line.data());
    bool separated = next == line.size() || line[next] == ' ' || line[next] == '\t' || line[next] == ',';
    if (error != std::errc{} || id < 0 || !separated)
      reject("column " + std::to_string(i + 1) + ": expected a token id, got '" +
             std::string(line.substr(i, std::min<size_t>(20, line.find(' ', i) - i))) + "'");
    ids.push_back(id);
    i = next;
  }
  return ids;
}

}  // namespace

ParsedRow parse_row(std::string_view json, Field field) {
  // The parser would take a NUL byte for the end of the row and ignore the rest.
  if (size_t nul = json.find('\0'); nul != std::string_view::npos)
    reject("not JSON: column " + std::to_string(nul + 1) + ": a NUL byte");
  const std::span<const Member> members = members_of(field);
  RowHandler handler(members);
  bool whole = Json::sax_parse(json.begin(), json.end(), &handler);
  if (!whole) reject(handler.error.empty() ? "not JSON" : handler.error);
  const bool first = handler.found(0), second = members.size() > 1 && handler.found(1);
  if (field == Field::kWords) {
    if (first == second)
      reject(first ? "the row has both 'text' and 'words'; give only one of them"
                   : "the row has neither 'text' nor 'words'");
  } else if (field != Field::kQuestion && !first) {
    reject("the row has no member '" + std::string(members[0].name) + "'");
  }
  return std::move(handler.row);
}

FieldNames names_of(Field field) {
  const std::span<const Member> members = members_of(field);
  return {members[0].name,
          members.size() > 1 && members[1].kind == Member::kSecond ? members[1].name : nullptr};
}

std::vector<int32_t> parse_ids(std::string_view line) {
  size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  if (line[begin] == '{') return parse_row(line, Field::kIds).ids;
  if (line[begin] != '[') return parse_plain_ids(line);
  return parse_row("{\"ids\":" + std::string(line) + "}", Field::kIds).ids;
}

std::string with_members(std::string_view row, bool has_output, std::string_view members) {
  std::string out;
  if (has_output) {  // rare: serialized again without the member that is replaced
    Json tree = Json::parse(row);
    tree.erase("output");
    tree.erase("error");
    out = tree.dump();
  } else {
    out = row.substr(0, row.find_last_of('}') + 1);
    out.erase(0, out.find('{'));
  }
  out.pop_back();
  if (out.size() > 1) out += ',';
  return (out += members) += '}';
}

}  // namespace roberta::cli
