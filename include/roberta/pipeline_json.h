#pragma once
// Answers as the JSON of the transformers pipelines, written straight into a string: one writer of each shape
// for `--format json` and for the server. Every function appends to `out` and throws Error(kNumeric) for NaN
// and infinity, which no answer may hold.
//
//     roberta::Model model = roberta::Model::load("roberta-base");
//     const std::vector<std::string> texts = {"The capital of France is <mask>."};
//     std::string json;
//     append_json(json, roberta::fill_mask(model, texts)[0]);

#include <span>
#include <string>
#include <vector>

#include "roberta/pipeline.h"

namespace roberta {

/// {"score", "token", "token_str", "sequence"}; a target of several tokens has a list as "token".
void append_json(std::string& out, const Fill& fill);
/// One mask gives its list of candidates, several a list of lists.
void append_json(std::string& out, const std::vector<std::vector<Fill>>& masks);

/// The same members; "token" and "token_str" are lists with one entry a mask.
void append_json(std::string& out, const JointFill& fill);
void append_json(std::string& out, const std::vector<JointFill>& fills);

/// {"label", "score"}
void append_json(std::string& out, const LabelScore& label);
void append_json(std::string& out, const std::vector<LabelScore>& labels);

/// {"entity", "score", "index", "word", "start", "end"}; of a group, that is of an aggregation other than
/// kNone, {"entity_group", "score", "word", "start", "end"}.
void append_json(std::string& out, const Tag& tag, bool group);
void append_json(std::string& out, const std::vector<Tag>& tags, bool groups);

/// {"score", "start", "end", "answer"}
void append_json(std::string& out, const Answer& answer);
/// A single answer stands alone, others (and none) are a list: as the pipeline of transformers 4.
void append_json(std::string& out, const std::vector<Answer>& answers);

/// {"sequence", "labels", "scores"}
void append_json(std::string& out, const ZeroShot& answer);

/// [1.0,2.0]
void append_json(std::string& out, std::span<const float> vector);
/// A list of rows, whatever their number.
void append_json(std::string& out, const Matrix& rows);

}  // namespace roberta
