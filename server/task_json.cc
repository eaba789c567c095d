#include "task_json.h"

#include "io/json_text.h"

namespace roberta::server {
namespace {

void append_offset(std::string& out, Offset offset) {
  out += ",\"start\":";
  append_number(out, offset.begin);
  out += ",\"end\":";
  append_number(out, offset.end);
}

}  // namespace

void append_json(std::string& out, const Fill& fill) {
  out += "{\"score\":";
  append_json_number(out, fill.score);
  out += ",\"token\":";
  if (fill.tokens.size() == 1) {
    append_number(out, fill.tokens[0]);
  } else {
    append_list(out, fill.tokens, [](std::string& to, int32_t token) { append_number(to, token); });
  }
  out += ",\"token_str\":";
  append_json_string(out, fill.token_str);
  out += ",\"sequence\":";
  append_json_string(out, fill.sequence);
  out += '}';
}

void append_json(std::string& out, const LabelScore& label) {
  out += "{\"label\":";
  append_json_string(out, label.label);
  out += ",\"score\":";
  append_json_number(out, label.score);
  out += '}';
}

void append_json(std::string& out, const Tag& tag, bool group) {
  out += group ? "{\"entity_group\":" : "{\"entity\":";
  append_json_string(out, tag.label);
  out += ",\"score\":";
  append_json_number(out, tag.score);
  if (!group) {
    out += ",\"index\":";
    append_number(out, tag.index);
  }
  out += ",\"word\":";
  append_json_string(out, tag.word);
  append_offset(out, tag.offset);
  out += '}';
}

void append_json(std::string& out, const Answer& answer) {
  out += "{\"score\":";
  append_json_number(out, answer.score);
  append_offset(out, answer.offset);
  out += ",\"answer\":";
  append_json_string(out, answer.answer);
  out += '}';
}

void append_json(std::string& out, const ZeroShot& answer) {
  out += "{\"sequence\":";
  append_json_string(out, answer.sequence);
  out += ",\"labels\":";
  append_strings(out, answer.labels);
  out += ",\"scores\":";
  append_vector(out, answer.scores);
  out += '}';
}

void append_vector(std::string& out, std::span<const float> values) {
  append_list(out, values, [](std::string& to, float value) { append_json_number(to, value); });
}

void append_strings(std::string& out, std::span<const std::string> values) {
  append_list(out, values, [](std::string& to, const std::string& value) { append_json_string(to, value); });
}

void append_masks(std::string& out, const std::vector<std::vector<Fill>>& masks) {
  if (masks.size() == 1) return append_list(out, masks[0]);
  append_list(out, masks,
              [](std::string& to, const std::vector<Fill>& candidates) { append_list(to, candidates); });
}

void append_tags(std::string& out, const std::vector<Tag>& tags, bool groups) {
  append_list(out, tags, [groups](std::string& to, const Tag& tag) { append_json(to, tag, groups); });
}

}  // namespace roberta::server
