#include <cmath>
#include <unordered_map>

#include "api/evaluate/task_evaluation.h"
#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/atomic_file.h"
#include "io/file.h"
#include "io/json/json.h"
#include "roberta/evaluate.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

SquadData read_dev(const fs::path& file, int64_t limit) {
  SquadDataOptions options;
  options.limit = limit;
  return read_squad(file, options);
}

/// An object as json.dumps(..., indent=4) of run_qa writes it. Written member by member: an ordered Json of
/// that many would look through all of them for each.
class ObjectText {
 public:
  void add(const std::string& name, const Json& value) {
    text_ += text_.empty() ? "{\n    " : ",\n    ";
    text_ += dump(name) + ": ";
    for (const char c : dump(value)) {
      text_ += c;
      if (c == '\n') text_ += "    ";
    }
  }
  void write(const fs::path& path) const {
    write_file_atomically(path, text_.empty() ? "{}\n" : text_ + "\n}\n");
  }

 private:
  static std::string dump(const Json& json) {
    return json.dump(4, ' ', true, Json::error_handler_t::replace);
  }
  std::string text_;
};

Json candidates_of(const SquadDecoded& answer) {
  Json list = Json::array();
  for (const SquadCandidate& candidate : answer.n_best) {
    list.push_back({{"start_logit", static_cast<double>(candidate.start_logit)},
                    {"end_logit", static_cast<double>(candidate.end_logit)},
                    {"text", candidate.text},
                    {"probability", candidate.probability}});
  }
  return list;
}

void write_files(const SquadData& data, const SquadAnswers& answers, const SquadEvaluationOptions& options) {
  ObjectText predictions, nbest, odds;
  for (size_t i = 0; i < data.questions.size(); ++i) {
    const std::string& id = data.questions[i].id;
    predictions.add(id, answers.answers[i].text);
    if (!options.nbest.empty()) nbest.add(id, candidates_of(answers.answers[i]));
    odds.add(id, answers.answers[i].null_odds);
  }
  if (!options.predictions.empty()) predictions.write(options.predictions);
  if (!options.nbest.empty()) nbest.write(options.nbest);
  if (data.version2 && !options.null_odds.empty()) odds.write(options.null_odds);
}

/// An object whose members all pass `take(id, value)`. Of a name that is there twice the last counts, as in
/// Python.
template <class Take>
void read_members(const fs::path& file, const char* what, const Take& take) {
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(read_text_file(file, "evaluate", uint64_t{1} << 30));
  } catch (const Error& error) {  // files of models are Error(kModel)
    throw Error(ErrorCode::kInput, error.what());
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::kInput, "[evaluate] ", file.string(), ": is not valid JSON: ", printable(error.what()));
  }
  if (!json.is_object())
    fail(ErrorCode::kInput, "[evaluate] ", file.string(), ": is not an object {id: ", what, "}");
  for (const auto& [id, value] : json.items()) {
    if (!take(id, value))
      fail(ErrorCode::kInput, "[evaluate] ", file.string(), ": field '", printable(id), "' is not a ", what);
  }
}

}  // namespace

TaskEvaluation evaluate_squad(Model& model, const fs::path& file, const SquadEvaluationOptions& options) {
  require_task(model, "question-answering", "evaluate");
  const SquadData data = read_dev(file, options.limit);
  const EvaluationContext context{.engine = ModelAccess::engine(model),
                                  .tokenizer = model.tokenizer(),
                                  .max_length = options.max_length,
                                  .threads = model.threads(),
                                  .progress = options.progress};
  const SquadAnswers answers = answer_squad_data(context, data,
                                                 {.doc_stride = options.doc_stride,
                                                  .n_best = options.n_best,
                                                  .max_answer = options.max_answer,
                                                  .max_question = options.max_question,
                                                  .null_threshold = options.null_threshold});
  write_files(data, answers, options);
  return score_squad_answers(data, answers);
}

TaskEvaluation score_squad(const fs::path& file, const fs::path& predictions, const fs::path& null_odds,
                           double threshold) {
  const SquadData data = read_dev(file, 0);
  std::unordered_map<std::string, std::string> texts;
  std::unordered_map<std::string, double> odds;
  read_members(predictions, "text", [&](const std::string& id, const nlohmann::json& value) {
    if (value.is_string()) texts[id] = value.get<std::string>();
    return value.is_string();
  });
  if (!null_odds.empty()) {
    read_members(null_odds, "number", [&](const std::string& id, const nlohmann::json& value) {
      if (value.is_number()) odds[id] = value.get<double>();
      return value.is_number();
    });
  }
  std::vector<SquadPrediction> scored;
  size_t answered = 0;
  for (const SquadQuestion& question : data.questions) {
    SquadPrediction& prediction = scored.emplace_back();
    for (const SquadAnswer& answer : question.answers) prediction.golds.push_back(answer.text);
    const auto text = texts.find(question.id);
    prediction.missing = text == texts.end();
    if (!prediction.missing) prediction.text = text->second;
    if (const auto found = odds.find(question.id); found != odds.end()) prediction.no_answer = found->second;
    answered += !prediction.missing;
  }
  if (answered == 0) {
    fail(ErrorCode::kInput, "[evaluate] ", predictions.string(), ": contains no answer to a question of ",
         file.string(), "; check that the files belong together");
  }
  TaskEvaluation out;
  out.task = data.version2 ? "squad_v2" : "squad";
  out.examples = static_cast<int64_t>(scored.size());
  out.loss = std::nan("");
  out.metrics = squad_metrics(scored, data.version2, threshold);
  // Without odds there is no best threshold; the official script leaves these metrics out, too.
  if (null_odds.empty())
    std::erase_if(out.metrics, [](const auto& metric) { return metric.first.starts_with("best_"); });
  if (answered < scored.size()) {
    out.notes.push_back(concat(scored.size() - answered, " questions have no answer in ",
                               predictions.string(), ": counted as wrong"));
  }
  return out;
}

}  // namespace roberta
