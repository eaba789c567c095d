#include "roberta/pipeline_json.h"

#include "io/json/json_text.h"

namespace roberta {
namespace {

template <class Items, class Append>
void append_list(std::string& out, const Items& items, const Append& append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += ']';
}

void append_tokens(std::string& out, const std::vector<int32_t>& tokens) {
  append_list(out, tokens, [&](int32_t token) { append_number(out, token); });
}

void append_place(std::string& out, Offset offset) {
  out += ",\"start\":";
  append_number(out, offset.begin);
  out += ",\"end\":";
  append_number(out, offset.end);
}

void append_fills(std::string& out, const std::vector<Fill>& fills) {
  append_list(out, fills, [&](const Fill& fill) { append_json(out, fill); });
}

}  // namespace

void append_json(std::string& out, const Fill& fill) {
  out += "{\"score\":";
  append_json_number(out, fill.score);
  out += ",\"token\":";
  if (fill.tokens.size() == 1)
    append_number(out, fill.tokens[0]);
  else
    append_tokens(out, fill.tokens);
  out += ",\"token_str\":";
  append_json_string(out, fill.token_str);
  out += ",\"sequence\":";
  append_json_string(out, fill.sequence);
  out += '}';
}

void append_json(std::string& out, const std::vector<std::vector<Fill>>& masks) {
  if (masks.size() == 1)
    append_fills(out, masks[0]);
  else
    append_list(out, masks, [&](const std::vector<Fill>& fills) { append_fills(out, fills); });
}

void append_json(std::string& out, const JointFill& fill) {
  out += "{\"score\":";
  append_json_number(out, fill.score);
  out += ",\"token\":";
  append_tokens(out, fill.tokens);
  out += ",\"token_str\":";
  append_list(out, fill.token_strs, [&](const std::string& word) { append_json_string(out, word); });
  out += ",\"sequence\":";
  append_json_string(out, fill.sequence);
  out += '}';
}

void append_json(std::string& out, const std::vector<JointFill>& fills) {
  append_list(out, fills, [&](const JointFill& fill) { append_json(out, fill); });
}

void append_json(std::string& out, const LabelScore& label) {
  out += "{\"label\":";
  append_json_string(out, label.label);
  out += ",\"score\":";
  append_json_number(out, label.score);
  out += '}';
}

void append_json(std::string& out, const std::vector<LabelScore>& labels) {
  append_list(out, labels, [&](const LabelScore& label) { append_json(out, label); });
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
  append_place(out, tag.offset);
  out += '}';
}

void append_json(std::string& out, const std::vector<Tag>& tags, bool groups) {
  append_list(out, tags, [&](const Tag& tag) { append_json(out, tag, groups); });
}

void append_json(std::string& out, const Answer& answer) {
  out += "{\"score\":";
  append_json_number(out, answer.score);
  append_place(out, answer.offset);
  out += ",\"answer\":";
  append_json_string(out, answer.answer);
  out += '}';
}

void append_json(std::string& out, const std::vector<Answer>& answers) {
  if (answers.size() == 1)
    append_json(out, answers[0]);
  else
    append_list(out, answers, [&](const Answer& answer) { append_json(out, answer); });
}

void append_json(std::string& out, const ZeroShot& answer) {
  out += "{\"sequence\":";
  append_json_string(out, answer.sequence);
  out += ",\"labels\":";
  append_list(out, answer.labels, [&](const std::string& label) { append_json_string(out, label); });
  out += ",\"scores\":";
  append_list(out, answer.scores, [&](float score) { append_json_number(out, score); });
  out += '}';
}

void append_json(std::string& out, std::span<const float> vector) {
  append_list(out, vector, [&](float value) { append_json_number(out, value); });
}

void append_json(std::string& out, const Matrix& rows) {
  out += '[';
  for (int64_t r = 0; r < rows.rows; ++r) {
    if (r) out += ',';
    append_json(out, rows.row(r));
  }
  out += ']';
}

}  // namespace roberta
