#pragma once
// Results of pipelines as the JSON of the transformers pipelines, for `--format json` and for the server.
// Every function appends to `out` and throws Error(kNumeric) for NaN and infinity.
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
/// One mask gives a list of candidates, several give a list of lists.
void append_json(std::string& out, const std::vector<std::vector<Fill>>& masks);

/// The same members; "token" and "token_str" are lists with one entry per mask.
void append_json(std::string& out, const JointFill& fill);
void append_json(std::string& out, const std::vector<JointFill>& fills);

/// {"label", "score"}
void append_json(std::string& out, const LabelScore& label);
void append_json(std::string& out, const std::vector<LabelScore>& labels);

/// {"entity", "score", "index", "word", "start", "end"}; for a group, that is with an aggregation other than
/// kNone, {"entity_group", "score", "word", "start", "end"}.
void append_json(std::string& out, const Tag& tag, bool group);
void append_json(std::string& out, const std::vector<Tag>& tags, bool groups);

/// {"score", "start", "end", "answer"}
void append_json(std::string& out, const Answer& answer);
/// A single answer is an object, several or none are a list: as in the pipeline of transformers 4.
void append_json(std::string& out, const std::vector<Answer>& answers);

/// {"sequence", "labels", "scores"}
void append_json(std::string& out, const ZeroShot& answer);

/// [1.0,2.0]
void append_json(std::string& out, std::span<const float> vector);
/// A list of rows, even if there is only one.
void append_json(std::string& out, const Matrix& rows);

}  // namespace roberta
