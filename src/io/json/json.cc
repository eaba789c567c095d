#include "io/json/json.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/strings.h"
#include "io/file.h"

namespace roberta {

namespace {

// Counts what the parser has consumed: its callbacks do not get their position.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  size_t* taken;
  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    ++at;
    ++*taken;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at == other.at; }
  bool operator!=(const CountingIterator& other) const { return at != other.at; }
};

// nlohmann's own DOM builder keeps the last of two equal keys and has no limit of depth; this one has both
// guards.
class GuardedBuilder : public nlohmann::json_sax<Json> {
 public:
  GuardedBuilder(const size_t& taken) : taken_(taken) {}

  Json root;
  std::string problem;  // set when parsing stopped
  size_t problem_at = 0;

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return stop("binary value"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!open_.back().keys.insert(name).second) return stop("duplicate key '" + printable(name) + "'");
    open_.back().key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ...: what - why"
    std::string_view what = error.what();
    size_t at = what.find("syntax error");
    if (at == std::string_view::npos && what.starts_with("[json."))
      at = what.find("] ") + 2;  // "number overflow"
    if (at < what.size()) what.remove_prefix(at);
    problem = printable(what, 300);
    problem_at = position > 0 ? position - 1 : 0;
    return false;
  }

 private:
  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool stop(std::string why) {
    problem = std::move(why);
    problem_at = taken_ > 0 ? taken_ - 1 : 0;
    return false;
  }
  bool put(Json value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (Level& level = open_.back(); level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else {
      // Appended, not looked up: an ordered object finds its members one by one.
      level.value.get_ref<Json::object_t&>().Container::emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }
  bool open(Json empty) {
    if (open_.size() == kMaxJsonDepth) return stop(concat("nested more than ", kMaxJsonDepth, " deep"));
    open_.push_back({std::move(empty), {}, {}});
    return true;
  }
  bool close() {
    Json done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }

  const size_t& taken_;
  std::vector<Level> open_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& part, const std::string& file_name) {
  // The parser takes a NUL for the end of the text and would ignore everything after it.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    fail(ErrorCode::kModel, "[", part, "] ", file_name, ": byte ", nul, ": not valid JSON: a NUL byte");
  }
  size_t taken = 0;
  GuardedBuilder builder(taken);
  const CountingIterator begin{text.data(), &taken}, end{text.data() + text.size(), &taken};
  if (Json::sax_parse(begin, end, &builder)) return std::move(builder.root);
  const std::string_view before = text.substr(0, std::min(builder.problem_at, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 == 0
  fail(ErrorCode::kModel, "[", part, "] ", file_name, ": line ", line, ", column ",
       before.size() - line_begin + 1, ": not valid JSON: ", builder.problem);
}

Json read_json_file(const std::filesystem::path& path, const std::string& part, uint64_t limit) {
  return parse_json(read_text_file(path, part, limit), part, path.string());
}

JsonFields::JsonFields(const Json& value, std::string part, std::string file_name, std::string where)
    : value_(value), part_(std::move(part)), file_name_(std::move(file_name)), where_(std::move(where)) {
  if (!value.is_object()) {
    fail(ErrorCode::kModel, "[", part_, "] ", file_name_, ": ", where_, "expected a JSON object, got ",
         value.type_name());
  }
}

const Json* JsonFields::find(std::string_view name) const {
  const auto found = value_.find(name);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::refuse(std::string_view name, const std::string& why) const {
  fail(ErrorCode::kModel, "[", part_, "] ", file_name_, ": ", where_, "field '", name, "' ", why);
}

int64_t JsonFields::integer(std::string_view name, int64_t fallback, int64_t low, int64_t high) const {
  const Json* field = find(name);
  if (!field) return fallback;
  const std::string range = concat("must be a whole number from ", low, " to ", high, ", got ");
  if (!field->is_number()) refuse(name, range + field->type_name());
  // Through double first: it holds any JSON number, and its rounding can't bring one back into a range below
  // 2^53.
  const double value = field->get<double>();
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)) ||
      value != std::floor(value)) {
    refuse(name, range + printable(field->dump(), 40));
  }
  return field->is_number_float() ? static_cast<int64_t>(value) : field->get<int64_t>();
}

double JsonFields::number(std::string_view name, double fallback, double low, double high) const {
  const Json* field = find(name);
  if (!field) return fallback;
  const double value = field->is_number() ? field->get<double>() : NAN;
  if (!(value >= low && value <= high)) {
    refuse(name, concat("must be a number from ", low, " to ", high, ", got ",
                        field->is_number() ? printable(field->dump(), 40) : field->type_name()));
  }
  return value;
}

bool JsonFields::boolean(std::string_view name, bool fallback) const {
  const Json* field = find(name);
  if (field && !field->is_boolean()) refuse(name, concat("must be true or false, got ", field->type_name()));
  return field ? field->get<bool>() : fallback;
}

std::string JsonFields::string(std::string_view name, std::string fallback) const {
  const Json* field = find(name);
  if (field && !field->is_string()) refuse(name, concat("must be a string, got ", field->type_name()));
  return field ? field->get<std::string>() : std::move(fallback);
}

}  // namespace roberta
