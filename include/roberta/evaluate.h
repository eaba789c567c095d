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

/// Called now and then from the calling thread: what is counted ("bytes", "pairs"), done, total (0: unknown).
using EvaluationProgress = std::function<void(const char* unit, int64_t done, int64_t total)>;

/// A block of tokens as the model saw it, and what it thought of the tokens that were masked.
struct MaskedBlock {
  std::vector<int32_t> ids;        ///< masked
  std::vector<int32_t> positions;  ///< ascending
  std::vector<int32_t> targets;    ///< what stood there
  std::vector<float> log_probs;    ///< natural logarithms of P(target)
};

struct MlmEvaluationOptions {
  uint64_t seed = 0;
  double mask_prob = 0.15;     ///< share of the tokens that are masked; special tokens never are
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

/// Masked-language-model loss. The documents of all files, cleaned as `prepare` does and each as <s> ...
/// </s>, are joined and cut into blocks, the last one shorter; `mask_prob` of the tokens, chosen anew by seed
/// and block, are replaced by <mask>. Files: as PrepareSet has them (roberta/prepare.h), text or JSON lines,
/// also .gz and .zst; "-" is standard input; the folder of a prepared corpus means its held-out split.
MlmEvaluation evaluate_mlm(Model& model, std::span<const std::filesystem::path> files,
                           const MlmEvaluationOptions& options = {});

struct BlimpOptions {
  int64_t limit = 0;                  ///< pairs of each paradigm; 0: all
  std::filesystem::path predictions;  ///< file to write each pair's scores to, JSON lines; empty: none
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
  std::vector<BlimpCount> phenomena;     ///< the 12 of the paper, as far as they occur; by name
  std::vector<BlimpParadigm> paradigms;  ///< by phenomenon, then name
};

/// BLiMP (Warstadt et al. 2020): share of the minimal pairs whose acceptable sentence has the higher
/// pseudo-log-likelihood (Salazar et al. 2020): the sum of log P(token | all others), special tokens left
/// out. A tie is wrong. `path`: the folder of .jsonl files, one such file, or a tar archive of them.
BlimpEvaluation evaluate_blimp(Model& model, const std::filesystem::path& path,
                               const BlimpOptions& options = {});

struct PredictionOptions {
  int64_t limit = 0;       ///< examples; 0: all
  int64_t max_length = 0;  ///< tokens; 0: the model's
  /// File to write each example's prediction to, JSON lines (SQuAD: see there); empty: none.
  std::filesystem::path predictions;
  EvaluationProgress progress;
};
struct TaskEvaluation {
  std::string task;
  int64_t examples = 0;
  double loss = 0;                  ///< as in training; NaN where no model ran
  MetricList metrics;               ///< a NaN is a metric that is not defined (a correlation with a constant)
  std::vector<ReportGroup> groups;  ///< further numbers, for plots
  std::vector<std::string> notes;   ///< what a reader must know: rows that were cut or left out
};

/// A classifier on a labelled file. `task`: a GLUE task, or text-classification with columns by name ("": by
/// the usual names). Labels are matched with the model's by name; where none is the same, by index.
struct TextEvaluationOptions : PredictionOptions {
  std::string task = "text-classification";
  std::string text_column, text_pair_column, label_column, label_separator = ",";
};
TaskEvaluation evaluate_text(Model& model, const std::filesystem::path& file,
                             const TextEvaluationOptions& options = {});
/// A GLUE task: its dev file, or a folder with it; of MNLI both dev sets ("mnli", "mnli-mm"), as far as they
/// are there.
std::vector<TaskEvaluation> evaluate_glue(Model& model, const std::filesystem::path& path,
                                          const TextEvaluationOptions& options);

/// Over the runs of several seeds.
struct MetricSpread {
  double median = 0, mean = 0, deviation = 0, min = 0, max = 0;  ///< deviation: of a sample (n - 1)
};
struct GlueRow {
  std::string task, title;
  std::string primary_metric;  ///< its name; the average takes it
  int64_t runs = 0;
  std::vector<std::pair<std::string, MetricSpread>>
      metrics;  ///< fractions from 0 to 1, the primary one first
};
struct GlueTable {
  std::vector<GlueRow> rows;  ///< MNLI, QQP, QNLI, SST-2, CoLA, STS-B, MRPC, RTE as on the card; WNLI last
  double average = 0;         ///< of the medians, WNLI left out
  int64_t averaged = 0;       ///< tasks in it; 8: all
};
/// Collects the metrics.json of fine-tuning runs below a folder (each may hold several seeds). An undefined
/// metric counts as 0. Error(kInput) names the files when there is none, one can't be read, or a seed of a
/// task is there twice.
GlueTable collect_glue_runs(const std::filesystem::path& folder);

struct TokenEvaluationOptions : PredictionOptions {
  std::string text_column = "tokens", label_column = "ner_tags";
  TagScheme tag_scheme = TagScheme::kAuto;
};
/// Entities: precision, recall, F1 as seqeval. Tags that are no chunks (parts of speech): as classes.
TaskEvaluation evaluate_ner(Model& model, const std::filesystem::path& file,
                            const TokenEvaluationOptions& options = {});
/// The same of somebody's predictions, without a model: a word a line, the right tag in the last column but
/// one, the predicted tag in the last.
TaskEvaluation score_ner(const std::filesystem::path& file);

struct SquadEvaluationOptions : PredictionOptions {
  int64_t doc_stride = 128, n_best = 20, max_answer = 30, max_question = 0;
  double null_threshold = 0;
  /// run_qa's files: `predictions` is {id: answer}, nbest {id: [answers]}, null_odds {id: number} (of
  /// SQuAD 2.0); empty: none.
  std::filesystem::path nbest, null_odds;
};
/// Exact match and F1 of the official script; decoding as run_qa's. max_length 0: 384.
TaskEvaluation evaluate_squad(Model& model, const std::filesystem::path& file,
                              const SquadEvaluationOptions& options = {});
/// The same of somebody's predictions.json, without a model. Questions that it doesn't answer are wrong.
/// `null_odds`: empty, or the file by which the best thresholds are found; an answer with odds above
/// `threshold` is "". Error(kInput) when it answers no question of the file.
TaskEvaluation score_squad(const std::filesystem::path& file, const std::filesystem::path& predictions,
                           const std::filesystem::path& null_odds = {}, double threshold = 1);

struct FillMaskEvaluationOptions : PredictionOptions {
  std::string text_column = "input_string", label_column = "title";
};
/// Texts with <mask> and the words that stood there: JSON lines, CSV or TSV, also .gz and .zst. The words are
/// a list, or a string: the word of a single mask, else words separated by commas. A text with fewer words
/// than masks is asked for its first masks only; an empty word is not asked for. Long texts are cut at their
/// end. Of each mask alone, the others left in place: the word's rank in the vocabulary and its probability;
/// a word of several tokens stands on as many masks, goes by the chain rule, and has the worst rank of its
/// tokens. accuracy_at_1, accuracy_at_5, mrr (mean of 1 / rank), perplexity (of a word).
TaskEvaluation evaluate_fill_mask(Model& model, const std::filesystem::path& file,
                                  const FillMaskEvaluationOptions& options = {});

/// Of `stereo` and `antistereo`, `pairs` leaves ties out, as the paper's script does.
struct CrowsPairsCount {
  std::string name;
  int64_t pairs = 0, more = 0, neutral = 0;  ///< more: the stereotype scored higher; neutral: a tie
  double score() const { return pairs ? 100.0 * static_cast<double>(more) / static_cast<double>(pairs) : 0; }
};
struct CrowsPairsEvaluation {
  CrowsPairsCount overall, stereo, antistereo;
  std::vector<CrowsPairsCount> categories;  ///< by bias_type
};
/// CrowS-Pairs (Nangia et al. 2020): share of pairs whose more stereotyping sentence has the higher
/// pseudo-log-likelihood of the tokens that both share (as difflib aligns them); scores are rounded to 3
/// decimals. 50 is no preference.
CrowsPairsEvaluation evaluate_crows_pairs(Model& model, const std::filesystem::path& file,
                                          const PredictionOptions& options = {});

/// A bias report, as JSON: `roberta info` shows one that lies in a model directory as bias.json.
/// `facts`: on what the numbers were taken.
std::string to_bias_json(const CrowsPairsEvaluation& evaluation,
                         std::span<const std::pair<std::string, std::string>> facts);
/// Error(kModel) "[bias] FILE: ...".
CrowsPairsEvaluation read_bias_report(const std::filesystem::path& file);
/// Puts the report into the model's card, README.md: its section is replaced, or stands at the end.
void update_model_card(const std::filesystem::path& directory, const CrowsPairsEvaluation& evaluation);

Report report_of(const MlmEvaluation& evaluation);
Report report_of(const BlimpEvaluation& evaluation);
Report report_of(const CrowsPairsEvaluation& evaluation);
Report report_of(const TaskEvaluation& evaluation);
/// Several tasks under one title (GLUE): the primary metric of each.
Report report_of(const std::string& title, std::span<const TaskEvaluation> evaluations);
/// Medians by task, and each metric's spread.
Report report_of(const GlueTable& table);

}  // namespace roberta
