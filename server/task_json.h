#pragma once
// Answers of the tasks as the transformers pipelines write them, appended to a string.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "roberta/pipeline.h"

namespace roberta::server {

/// {"score", "token", "token_str", "sequence"}; a target of several tokens has a list for "token".
void append_json(std::string& out, const Fill& fill);
/// {"label", "score"}
void append_json(std::string& out, const LabelScore& label);
/// {"entity", "score", "index", "word", "start", "end"}; of a group {"entity_group", "score", "word", ...}.
void append_json(std::string& out, const Tag& tag, bool group);
/// {"score", "start", "end", "answer"}
void append_json(std::string& out, const Answer& answer);
/// {"sequence", "labels", "scores"}
void append_json(std::string& out, const ZeroShot& answer);

void append_vector(std::string& out, std::span<const float> values);
void append_strings(std::string& out, std::span<const std::string> values);

/// "[" item "," item ... "]"; `append(out, item)` writes one.
template <class Items, class Append>
void append_list(std::string& out, const Items& items, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(out, item);
  }
  out += ']';
}
template <class T>
void append_list(std::string& out, const std::vector<T>& items) {
  append_list(out, items, [](std::string& to, const T& item) { append_json(to, item); });
}
/// As the fill-mask pipeline: one mask gives its list, several a list of lists.
void append_masks(std::string& out, const std::vector<std::vector<Fill>>& masks);
/// As the token-classification pipeline.
void append_tags(std::string& out, const std::vector<Tag>& tags, bool groups);

}  // namespace roberta::server
