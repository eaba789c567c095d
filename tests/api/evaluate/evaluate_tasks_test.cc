// Evaluation of classifiers, taggers and question answering, against what the model itself says.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "roberta/evaluate.h"
#include "tasks/metrics/metrics.h"
#include "tests/api/pipelines/random_classifier.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const char* const kWords[] = {"the", "cat", "sat", "on",    "a",    "mat",
                              "and", "dog", "log", "Paris", "Rome", "capital"};

std::string sentence(size_t n) {
  std::string out;
  for (size_t i = 0; i < 3 + n % 5; ++i)
    out += std::string(i ? " " : "") + kWords[(i * 7 + n * 5 + i * i * n) % 12];
  return out;
}

std::vector<json> rows_of(const fs::path& file) {
  std::vector<json> rows;
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  return rows;
}

Matrix logits_of(Model& model, const std::vector<std::string>& texts) {
  std::vector<Model::Ids> sequences;
  for (const std::string& text : texts) sequences.push_back(model.tokenizer().encode(text).ids);
  return model.sequence_logits(sequences);
}

double cross_entropy(std::span<const float> row, size_t target) {
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x) - static_cast<double>(row[target]));
  return std::log(sum);
}

std::vector<std::string> texts(size_t count) {
  std::vector<std::string> out;
  for (size_t n = 0; n < count; ++n) out.push_back(sentence(n));
  return out;
}

class EvaluateTasks : public testing::Test {
 protected:
  Model model(HeadKind head, const std::vector<std::string>& labels, const std::string& problem = "") {
    return Model::load(make_classifier(scratch_, "model", head, labels, problem), {.threads = 2});
  }
  /// A TSV with columns sentence and label.
  fs::path tsv(const std::vector<std::string>& labels, const std::string& name = "dev.tsv") {
    std::string rows = "sentence\tlabel\n";
    for (size_t i = 0; i < labels.size(); ++i) rows += sentence(i) + "\t" + labels[i] + "\n";
    return scratch_.write(name, rows);
  }
  TempDirectory scratch_;
};

TEST_F(EvaluateTasks, ClassesByNameWhateverTheirOrder) {
  const std::vector<std::string> truth = {"b", "a", "c", "a", "b", "c", "c", "a", "b"};
  Model bca = model(HeadKind::kSequenceClassification, {"b", "c", "a"});
  TextEvaluationOptions options;
  options.predictions = scratch_ / "predictions.jsonl";
  const TaskEvaluation result = evaluate_text(bca, tsv(truth), options);
  const Matrix logits = logits_of(bca, texts(truth.size()));
  double loss = 0;
  std::vector<int32_t> right, predicted;
  for (size_t i = 0; i < truth.size(); ++i) {
    const auto row = logits.row(static_cast<int64_t>(i));
    right.push_back(truth[i] == "b" ? 0 : truth[i] == "c" ? 1 : 2);
    predicted.push_back(static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
    loss += cross_entropy(row, static_cast<size_t>(right.back()));
  }
  EXPECT_EQ(result.examples, 9);
  EXPECT_NEAR(result.loss, loss / 9, 1e-6);
  EXPECT_EQ(result.metrics, classification_metrics(right, predicted, 3));
  const std::vector<json> rows = rows_of(options.predictions);
  ASSERT_EQ(rows.size(), 9u);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["line"], i + 2);
    EXPECT_EQ(rows[i]["label"], truth[i]);
    EXPECT_EQ(rows[i]["prediction"], bca.info().labels[static_cast<size_t>(predicted[i])]);
  }
  EXPECT_ERROR(ErrorCode::kInput, evaluate_text(bca, tsv({"a", "d"})), "dev.tsv:3", "'d'");
}

TEST_F(EvaluateTasks, GlueMatchesLabelsOfTheModel) {
  fs::create_directories(scratch_ / "MNLI");
  for (const char* set : {"dev_matched.tsv", "dev_mismatched.tsv"}) {
    std::string rows = "index\tsentence1\tsentence2\tgold_label\n";
    for (size_t i = 0; i < 12; ++i)
      rows += std::to_string(i) + "\t" + sentence(i) + "\t" + sentence(i + 3) + "\t" +
              (i % 3 == 0   ? "entailment"
               : i % 3 == 1 ? "neutral"
                            : "contradiction") +
              "\n";
    scratch_.write(std::string("MNLI/") + set, rows);
  }
  TextEvaluationOptions options;
  options.task = "mnli";
  const auto run = [&](const std::vector<std::string>& labels) {
    Model it = model(HeadKind::kSequenceClassification, labels);
    return evaluate_glue(it, scratch_.path(), options);
  };
  const auto generic = run({"LABEL_0", "LABEL_1", "LABEL_2"});  // by index: entailment is 0
  ASSERT_EQ(generic.size(), 2u);
  EXPECT_EQ(generic[0].task, "mnli");
  EXPECT_EQ(generic[1].task, "mnli-mm");
  EXPECT_EQ(generic[0].metrics, generic[1].metrics);
  const auto same = run({"ENTAILMENT", "NEUTRAL", "CONTRADICTION"}),
             turned = run({"contradiction", "neutral", "entailment"});
  EXPECT_EQ(same[0].loss, generic[0].loss);
  EXPECT_NE(turned[0].loss, generic[0].loss);
  Model wrong = model(HeadKind::kSequenceClassification, {"contradiction", "neutral", "other"});
  EXPECT_ERROR(ErrorCode::kModel, evaluate_glue(wrong, scratch_.path(), options), "'other'", "'entailment'");
  Model two = model(HeadKind::kSequenceClassification, {"x", "y"});
  EXPECT_ERROR(ErrorCode::kModel, evaluate_glue(two, scratch_.path(), options), "'x', 'y'");
  Model tagger = model(HeadKind::kTokenClassification, {"O", "B-x"});
  EXPECT_ERROR(ErrorCode::kModel, evaluate_glue(tagger, scratch_.path(), options), "text-classification");
}

TEST_F(EvaluateTasks, ValuesAndSets) {
  Model values = model(HeadKind::kSequenceClassification, {"LABEL_0"}, "regression");
  const Matrix logits = logits_of(values, texts(5));
  double squares = 0;
  for (size_t i = 0; i < 5; ++i) squares += std::pow(logits.data[i] - 0.25 * static_cast<double>(i), 2);
  TaskEvaluation result = evaluate_text(values, tsv({"0", "0.25", "0.5", "0.75", "1"}));
  EXPECT_NEAR(result.loss, squares / 5, 1e-6);
  EXPECT_NEAR(metric(result.metrics, "mse"), squares / 5, 1e-6);
  result = evaluate_text(values, tsv({"1", "1"}));
  EXPECT_TRUE(std::isnan(metric(result.metrics, "pearson")));

  Model sets = model(HeadKind::kSequenceClassification, {"p", "q"}, "multi_label_classification");
  const Matrix of_sets = logits_of(sets, texts(4));
  double loss = 0;
  int64_t right = 0;
  const bool truth[4][2] = {{true, true}, {true, false}, {false, true}, {false, true}};
  for (size_t i = 0; i < 4; ++i) {
    bool equal = true;
    for (size_t k = 0; k < 2; ++k) {
      const double x = of_sets.data[2 * i + k];
      loss += std::log1p(std::exp(truth[i][k] ? -x : x));
      equal &= truth[i][k] == (x > 0);
    }
    right += equal;
  }
  result = evaluate_text(sets, tsv({"p,q", "p", "q", "q"}));
  EXPECT_NEAR(result.loss, loss / 8, 1e-6);
  EXPECT_NEAR(metric(result.metrics, "accuracy"), static_cast<double>(right) / 4, 1e-12);
}

TEST_F(EvaluateTasks, TagsOfLongSentencesInWindows) {
  std::string rows;
  for (size_t s = 0; s < 3; ++s) {
    for (size_t i = 0; i < 5 + 60 * s; ++i)
      rows += std::string(kWords[(i * 5 + s) % 12]) + (i % 4 == 1   ? " B-x\n"
                                                       : i % 4 == 2 ? " I-x\n"
                                                                    : " O\n");
    rows += "\n";
  }
  const fs::path file = scratch_.write("dev.conll", rows);
  Model tagger = model(HeadKind::kTokenClassification, {"O", "B-x", "I-x", "B-y"});
  TokenEvaluationOptions options;
  options.predictions = scratch_ / "predictions.jsonl";
  const TaskEvaluation result = evaluate_ner(tagger, file, options);
  EXPECT_EQ(result.examples, 3);
  EXPECT_GT(result.loss, 0);
  std::vector<std::vector<std::string>> truth, predicted;
  std::string columns;
  for (const json& row : rows_of(options.predictions)) {
    truth.push_back(row["tags"]);
    predicted.push_back(row["prediction"]);
    for (size_t i = 0; i < truth.back().size(); ++i)
      columns +=
          row["tokens"][i].get<std::string>() + " " + truth.back()[i] + " " + predicted.back()[i] + "\n";
    columns += "\n";
  }
  ASSERT_EQ(truth.size(), 3u);
  EXPECT_EQ(truth[2].size(), 125u);
  EXPECT_EQ(result.metrics, entity_metrics(truth, predicted));
  const TaskEvaluation scored = score_ner(scratch_.write("columns.txt", columns));
  EXPECT_EQ(scored.metrics, result.metrics);
  EXPECT_TRUE(std::isnan(scored.loss));
  EXPECT_ERROR(ErrorCode::kInput, evaluate_ner(tagger, scratch_.write("bad.conll", "cat B-z\n")),
               "bad.conll:1", "B-z");
}

json squad_file(bool version2) {
  json questions = json::array();
  for (size_t i = 0; i < 6; ++i) {
    json answers = json::array();
    const bool none = version2 && i % 2;
    if (!none) answers.push_back({{"text", "cat sat"}, {"answer_start", 4}});
    questions.push_back({{"id", "q" + std::to_string(i)},
                         {"question", sentence(i)},
                         {"answers", answers},
                         {"is_impossible", none}});
  }
  std::string context = "the cat sat on the mat";
  for (size_t i = 0; i < 12; ++i) context += " and " + sentence(i);
  return {{"version", "v"},
          {"data", {{{"title", "t"}, {"paragraphs", {{{"context", context}, {"qas", questions}}}}}}}};
}

TEST_F(EvaluateTasks, SquadAnswersAndFiles) {
  Model answers = model(HeadKind::kQuestionAnswering, {});
  for (const bool version2 : {false, true}) {
    const fs::path file = scratch_.write("dev.json", squad_file(version2).dump());
    SquadEvaluationOptions options;
    options.max_length = 48;
    options.doc_stride = 8;
    options.predictions = scratch_ / "predictions.json";
    options.nbest = scratch_ / "nbest.json";
    options.null_odds = scratch_ / "odds.json";
    const TaskEvaluation result = evaluate_squad(answers, file, options);
    EXPECT_EQ(result.examples, 6);
    EXPECT_EQ(metric(result.metrics, "total"), 6);
    EXPECT_GT(result.loss, 0);
    const json predicted = json::parse(read_all(options.predictions)),
               nbest = json::parse(read_all(options.nbest));
    EXPECT_EQ(predicted.size(), 6u);
    double sum = 0;
    for (const json& candidate : nbest["q3"]) sum += candidate["probability"].get<double>();
    EXPECT_NEAR(sum, 1, 1e-9);
    EXPECT_EQ(read_all(options.predictions).rfind("{\n    \"q0\": \"", 0), 0u);
    EXPECT_EQ(fs::exists(options.null_odds), version2);
    const TaskEvaluation scored =
        score_squad(file, options.predictions, version2 ? options.null_odds : fs::path());
    EXPECT_EQ(scored.metrics, result.metrics);
    EXPECT_TRUE(scored.notes.empty());
    if (version2) {
      options.null_threshold = -1e6;
      EXPECT_EQ(metric(evaluate_squad(answers, file, options).metrics, "NoAns_exact"), 100);
    }
  }
}

TEST_F(EvaluateTasks, SquadPredictionsOfSomebody) {
  const fs::path file = scratch_.write("dev.json", squad_file(true).dump());
  const TaskEvaluation result =
      score_squad(file, scratch_.write("p.json", R"({"q0":"The cat, sat","q1":"","q9":"x"})"));
  EXPECT_NEAR(metric(result.metrics, "exact"), 100.0 * 2 / 6, 1e-9);
  EXPECT_EQ(result.metrics.back().first, "NoAns_total");  // without odds there is no best threshold
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_NE(result.notes[0].find("4 questions"), std::string::npos);
  EXPECT_ERROR(ErrorCode::kInput, score_squad(file, scratch_.write("a.json", "{\"x\": \"y\"}")), "a.json",
               "no answer to a question");
  EXPECT_ERROR(ErrorCode::kInput, score_squad(file, scratch_.write("b.json", "{\"q0\": 1}")), "b.json",
               "'q0'");
  EXPECT_ERROR(ErrorCode::kInput, score_squad(file, scratch_.write("c.json", "[]")), "c.json",
               "not an object");
  EXPECT_ERROR(ErrorCode::kInput, score_squad(file, scratch_.write("d.json", "{")), "d.json",
               "not valid JSON");
}

void write_run(const fs::path& folder, const std::string& task,
               const std::vector<std::pair<int, json>>& runs) {
  fs::create_directories(folder);
  json best = json::array();
  for (const auto& [seed, metrics] : runs)
    best.push_back({{"seed", seed}, {"loss", 0.1}, {"metrics", metrics}});
  std::ofstream(folder / "metrics.json")
      << json{{"task", task}, {"seed", runs[0].first}, {"best", best}}.dump();
}

TEST_F(EvaluateTasks, GlueRunsAsATable) {
  const fs::path runs = scratch_ / "runs";
  EXPECT_ERROR(ErrorCode::kInput, collect_glue_runs(scratch_.path()), "no metrics.json");
  write_run(runs / "rte", "rte",
            {{1, {{"accuracy", 0.6}}}, {2, {{"accuracy", 0.8}}}, {3, {{"accuracy", 0.7}}}});
  write_run(runs / "rte/seed-1", "rte", {{1, {{"accuracy", 0.1}}}});  // part of the above
  write_run(runs / "more/sts", "stsb", {{1, {{"spearmanr", 0.5}, {"pearson", nullptr}}}});
  write_run(runs / "wnli", "wnli", {{1, {{"accuracy", 0.5}}}});
  write_run(runs / "ner", "token-classification", {{1, {{"f1", 0.5}}}});
  const GlueTable table = collect_glue_runs(runs);
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0].title, "STS-B");
  EXPECT_EQ(table.rows[0].metrics[0].first, "pearson");
  EXPECT_EQ(table.rows[0].metrics[0].second.median, 0);  // undefined
  EXPECT_EQ(table.rows[1].task, "rte");
  EXPECT_EQ(table.rows[1].runs, 3);
  EXPECT_EQ(table.rows[1].metrics[0].second.median, 0.7);
  EXPECT_NEAR(table.rows[1].metrics[0].second.deviation, 0.1, 1e-12);
  EXPECT_EQ(table.rows[2].task, "wnli");
  EXPECT_EQ(table.averaged, 2);
  EXPECT_NEAR(table.average, 0.35, 1e-12);
  write_run(runs / "again", "rte", {{3, {{"accuracy", 0.6}}}});
  EXPECT_ERROR(ErrorCode::kInput, collect_glue_runs(runs), "seed 3", "again", "rte");
  write_run(runs / "again", "rte", {{4, {{"accuracy", "high"}}}});
  EXPECT_ERROR(ErrorCode::kInput, collect_glue_runs(runs), "'accuracy'", "not a number");
}

}  // namespace
}  // namespace roberta
