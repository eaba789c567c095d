#include "tasks/decoding/tags.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/strings.h"

namespace roberta {
namespace {

std::string quoted(std::string_view tag) { return "'" + printable(tag, 60) + "'"; }

/// "" of "O".
std::string_view type_of(std::string_view tag) { return tag.size() > 2 ? tag.substr(2) : std::string_view(); }

std::optional<std::string> mistake_of(std::string_view tag, std::string_view before, TagScheme scheme) {
  if (tag == "O") return std::nullopt;
  if (!(tag.starts_with("B-") || tag.starts_with("I-")) || tag.size() == 2) {
    return "tag " + quoted(tag) +
           " is not a chunk tag (O, B-TYPE, I-TYPE); if the tags are not chunks, use the scheme 'none'";
  }
  const bool goes_on = type_of(before) == type_of(tag);
  if (scheme == TagScheme::kIob2 && tag[0] == 'I' && !goes_on) {
    return "tag " + quoted(tag) + (before == "O" ? " begins a chunk" : " follows " + quoted(before)) +
           "; under IOB2 a chunk begins with B-. If the file is IOB1, use the scheme 'iob1'";
  }
  if (scheme == TagScheme::kIob1 && tag[0] == 'B' && !goes_on) {
    return "tag " + quoted(tag) +
           " does not directly follow a chunk of its type; under IOB1 such a chunk begins with I-. " +
           "If the file is IOB2, use the scheme 'iob2'";
  }
  return std::nullopt;
}

}  // namespace

TagScheme tag_scheme(std::string_view name) {
  if (name == "auto") return TagScheme::kAuto;
  if (name == "iob1") return TagScheme::kIob1;
  if (name == "iob2") return TagScheme::kIob2;
  if (name == "none") return TagScheme::kNone;
  fail(ErrorCode::kUsage, "[data] unknown tag scheme ", quoted(name),
       "; expected 'auto', 'iob1', 'iob2' or 'none'");
}

std::optional<TagMistake> to_iob2(std::vector<std::string>& tags, TagScheme scheme, int64_t& converted) {
  if (scheme == TagScheme::kNone) return std::nullopt;
  std::string before = "O";  // as the file has it: only its type counts
  for (size_t i = 0; i < tags.size(); ++i) {
    std::string& tag = tags[i];
    if (std::optional<std::string> why = mistake_of(tag, before, scheme))
      return TagMistake{i, std::move(*why)};
    const bool begins = tag[0] == 'I' && type_of(before) != type_of(tag);
    before = tag;
    if (!begins) continue;
    tag[0] = 'B';
    ++converted;
  }
  return std::nullopt;
}

std::vector<std::string> labels_of_tags(const std::vector<std::string>& tags, TagScheme scheme) {
  std::vector<std::string> labels;
  if (scheme == TagScheme::kNone) {
    labels = tags;
    std::sort(labels.begin(), labels.end(), [](const std::string& a, const std::string& b) {
      return (a == "O") != (b == "O") ? a == "O" : a < b;
    });
    return labels;
  }
  std::set<std::string_view> types;
  for (const std::string& tag : tags) {
    if (tag != "O") types.insert(type_of(tag));
  }
  labels.emplace_back("O");
  for (const std::string_view type : types) {
    labels.push_back("B-" + std::string(type));
    labels.push_back("I-" + std::string(type));
  }
  return labels;
}

}  // namespace roberta
