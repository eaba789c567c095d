#pragma once
// How good a model is: evaluations over data sets.
//
//     roberta::Model model = roberta::Model::load("roberta-rte");
//     roberta::TextEvaluationOptions options;
//     options.task = "rte";
//     for (const roberta::TaskEvaluation& result : roberta::evaluate_glue(model, "glue/RTE", options))
//       for (const auto& [name, value] : result.metrics) std::cout << name << ' ' << value << '\n';

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "roberta/model.h"
#include "roberta/report.h"
#include "roberta/tag_scheme.h"

namespace roberta {

/// Called from time to time on the calling thread: the unit ("bytes", "pairs"), done, total (0: unknown).
using EvaluationProgress = std::function<void(const char* unit, int64_t done, int64_t total)>;

/// A block of tokens as the model saw it, and its log-probabilities of the masked tokens.
struct MaskedBlock {
  std::vector<int32_t> ids;        ///< masked
  std::vector<int32_t> positions;  ///< ascending
  std::vector<int32_t> targets;    ///< the original tokens
  std::vector<float> log_probs;    ///< natural logarithms of P(target)
};

struct MlmEvaluationOptions {
  uint64_t seed = 0;
  double mask_prob = 0.15;     ///< fraction of the tokens to mask, never special tokens
  int64_t length = 0;          ///< tokens of a block; 0: the model's length
  std::string field = "text";  ///< of JSONL files
  int64_t limit = 0;           ///< blocks; 0: all
  EvaluationProgress progress;
  std::function<void(const MaskedBlock&)> each_block;  ///< in order
};
struct MlmEvaluation {
  double loss = 0;  ///< mean of -log P(token), in nats
  int64_t masked_tokens = 0;
  int64_t tokens = 0, blocks = 0, documents = 0;
  double bits() const;
  double perplexity() const;
};

/// Masked-language-model loss. The documents of all files, cleaned like those of `prepare` and each as <s>
/// ... </s>, are joined and cut into blocks, of which the last may be shorter; `mask_prob` of the tokens,
/// chosen by seed and block, are replaced by <mask>. Files are those of PrepareSet (roberta/prepare.h): text
/// or JSON lines, also .gz and .zst; "-" is standard input; the folder of a prepared corpus stands for its
/// held-out split.
MlmEvaluation evaluate_mlm(Model& model, std::span<const std::filesystem::path> files,
                           const MlmEvaluationOptions& options = {});

struct BlimpOptions {
  int64_t limit = 0;                  ///< pairs of each paradigm; 0: all
  std::filesystem::path predictions;  ///< JSON lines file for the scores of each pair; empty: none
  EvaluationProgress progress;
};
struct BlimpCount {
  std::string name;
  int64_t pairs = 0, correct = 0;
  double accuracy() const { return pairs ? static_cast<double>(correct) / static_cast<double>(pairs) : 0; }
};
struct BlimpParadigm : BlimpCount {
  std::string phenomenon;
};
struct BlimpEvaluation {
  BlimpCount overall;
  std::vector<BlimpCount> phenomena;     ///< those of the paper's 12 that occur; by name
  std::vector<BlimpParadigm> paradigms;  ///< by phenomenon, then name
};

/// BLiMP (Warstadt et al. 2020): fraction of the minimal pairs whose acceptable sentence has the higher
/// pseudo-log-likelihood (Salazar et al. 2020): the sum of log P(token | all others), without special
/// tokens. A tie is wrong. `path`: the folder of .jsonl files, one such file, or a tar archive of them.
BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path,
                               const BlimpOptions& options = {});

struct PredictionOptions {
  int64_t limit = 0;       ///< examples; 0: all
  int64_t max_length = 0;  ///< tokens; 0: the model's
  /// JSON lines file for the prediction of each example (for SQuAD see there); empty: none.
  std::filesystem::path predictions;
  EvaluationProgress progress;
};
struct TaskEvaluation {
  std::string task;
  int64_t examples = 0;
  double loss = 0;                  ///< as in training; NaN if no model ran
  MetricList metrics;               ///< NaN: an undefined metric, such as a correlation with a constant
  std::vector<ReportGroup> groups;  ///< more numbers, for plots
  std::vector<std::string> notes;   ///< for the reader: rows that were cut or left out
};

/// A classifier on a labelled file. `task`: a GLUE task, or text-classification with columns by name ("": by
/// the usual names). Labels are matched with the model's by name, or by index if no name is the same.
struct TextEvaluationOptions : PredictionOptions {
  std::string task = "text-classification";
  std::string text_column, text_pair_column, label_column, label_separator = ",";
};
TaskEvaluation evaluate_text(Model& model, const std::filesystem::path& file,
                             const TextEvaluationOptions& options = {});
/// A GLUE task: its dev file, or a folder with it; for MNLI each of the two dev sets ("mnli", "mnli-mm") that
/// exists.
std::vector<TaskEvaluation> evaluate_glue(Model& model, const std::filesystem::path& path,
                                          const TextEvaluationOptions& options);

/// The distribution over the runs of several seeds.
struct MetricSpread {
  double median = 0, mean = 0, deviation = 0, min = 0,
         max = 0;  ///< deviation: sample standard deviation (n - 1)
};
struct GlueRow {
  std::string task, title;
  std::string primary_metric;  ///< its name; the average takes it
  int64_t runs = 0;
  std::vector<std::pair<std::string, MetricSpread>>
      metrics;  ///< fractions from 0 to 1, the primary one first
};
struct GlueTable {
  std::vector<GlueRow>
      rows;              ///< MNLI, QQP, QNLI, SST-2, CoLA, STS-B, MRPC, RTE as on the model card; WNLI last
  double average = 0;    ///< of the medians, without WNLI
  int64_t averaged = 0;  ///< number of tasks in it; 8: all
};
/// Collects the metrics.json of fine-tuning runs below a folder (each may hold several seeds). An undefined
/// metric counts as 0. Error(kInput) if there is none, a file can't be read, or a seed of a task occurs
/// twice.
GlueTable collect_glue_runs(const std::filesystem::path& folder);

struct TokenEvaluationOptions : PredictionOptions {
  std::string text_column = "tokens", label_column = "ner_tags";
  TagScheme tag_scheme = TagScheme::kAuto;
};
/// Entities: precision, recall, F1 as in seqeval. Tags that don't mark chunks (parts of speech): as classes.
TaskEvaluation evaluate_ner(Model& model, const std::filesystem::path& file,
                            const TokenEvaluationOptions& options = {});
/// The same for existing predictions, without a model: one word per line, with the correct tag in the second
/// to last column and the predicted tag in the last.
TaskEvaluation score_ner(const std::filesystem::path& file);

struct SquadEvaluationOptions : PredictionOptions {
  int64_t doc_stride = 128, n_best = 20, max_answer = 30, max_question = 0;
  double null_threshold = 0;
  /// run_qa's files: `predictions` is {id: answer}, nbest {id: [answers]}, null_odds {id: number} (of
  /// SQuAD 2.0); empty: none.
  std::filesystem::path nbest, null_odds;
};
/// Exact match and F1 of the official script; decoding as in run_qa. max_length 0: 384.
TaskEvaluation evaluate_squad(Model& model, const std::filesystem::path& file,
                              const SquadEvaluationOptions& options = {});
/// The same for an existing predictions.json, without a model. Missing answers are wrong. `null_odds`: empty,
/// or the file from which the best thresholds are computed; an answer with odds above `threshold` is "".
/// Error(kInput) if no question of the file is answered.
TaskEvaluation score_squad(const std::filesystem::path& file, const std::filesystem::path& predictions,
                           const std::filesystem::path& null_odds = {}, double threshold = 1);

struct FillMaskEvaluationOptions : PredictionOptions {
  std::string text_column = "input_string", label_column = "title";
};
/// Texts with <mask> and the original words: JSON lines, CSV or TSV, also .gz and .zst. The words are a list
/// or a string: the word of a single mask, or words separated by commas. If there are fewer words than masks,
/// only the first masks are evaluated; an empty word is skipped. Long texts are cut at their end. Masks are
/// evaluated one by one while the others stay: the word's rank in the vocabulary and its probability. A word
/// of several tokens takes as many masks; its probability follows from the chain rule, and its rank is the
/// worst of its tokens. accuracy_at_1, accuracy_at_5, mrr (mean of 1 / rank), perplexity (of a word).
TaskEvaluation evaluate_fill_mask(Model& model, const std::filesystem::path& file,
                                  const FillMaskEvaluationOptions& options = {});

/// For `stereo` and `antistereo`, `pairs` excludes ties, as in the paper's script.
struct CrowsPairsCount {
  std::string name;
  int64_t pairs = 0, more = 0, neutral = 0;  ///< more: the stereotype scored higher; neutral: a tie
  double score() const { return pairs ? 100.0 * static_cast<double>(more) / static_cast<double>(pairs) : 0; }
};
struct CrowsPairsEvaluation {
  CrowsPairsCount overall, stereo, antistereo;
  std::vector<CrowsPairsCount> categories;  ///< by bias_type
};
/// CrowS-Pairs (Nangia et al. 2020): percentage of pairs whose more stereotyping sentence has the higher
/// pseudo-log-likelihood of the tokens that both share (as difflib aligns them); scores are rounded to 3
/// decimals. 50 means no preference.
CrowsPairsEvaluation evaluate_crows_pairs(Model& model, const std::filesystem::path& file,
                                          const PredictionOptions& options = {});

/// A bias report as JSON: `roberta info` shows the bias.json of a model directory. `facts`: the conditions of
/// the evaluation.
std::string to_bias_json(const CrowsPairsEvaluation& evaluation,
                         std::span<const std::pair<std::string, std::string>> facts);
/// Error(kModel) "[bias] FILE: ...".
CrowsPairsEvaluation read_bias_report(const std::filesystem::path& file);
/// Writes the report into the model card, README.md: its section is replaced, or appended.
void update_model_card(const std::filesystem::path& directory, const CrowsPairsEvaluation& evaluation);

Report report_of(const MlmEvaluation& evaluation);
Report report_of(const BlimpEvaluation& evaluation);
Report report_of(const CrowsPairsEvaluation& evaluation);
Report report_of(const TaskEvaluation& evaluation);
/// Several tasks under one title (GLUE): the primary metric of each.
Report report_of(const std::string& title, std::span<const TaskEvaluation> evaluations);
/// Medians by task, and the spread of each metric.
Report report_of(const GlueTable& table);

}  // namespace roberta
