#pragma once
// The data of a fine-tuning run in memory: training sequences, and the sets it is evaluated on.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/finetune/recipe.h"
#include "model/config.h"
#include "model/objective.h"
#include "tasks/features.h"

namespace roberta {

struct EvaluationSet {
  std::string name;  ///< dev, dev_mm, test
  std::variant<TextData, TokenData, SquadData> data;
  int64_t examples() const;
};

/// A file that was read, for the model card.
struct DataFile {
  std::string role;  ///< train, dev, ...
  std::filesystem::path path;
  int64_t examples = 0;
  std::string hash;  ///< xxh3-128
};

struct FinetuneData {
  Objective objective;
  HeadKind head = HeadKind::kNone;
  std::vector<std::string> labels;  ///< by index; none for regression and question answering
  std::string problem_type;         ///< of config.json; "" if transformers writes none
  std::vector<std::pair<std::string, int64_t>> label_counts;  ///< of the training data
  std::vector<Feature> train;
  int64_t examples = 0, tokens = 0, longest = 0;
  std::vector<EvaluationSet> dev;  ///< the first chooses the best model
  std::optional<EvaluationSet> test;
  std::vector<DataFile> files;
  std::vector<std::string> notes, warnings;

  std::string hash() const;  ///< of all files and of what was read from them
};

/// `config`: of the model to start from; if its labels have the names of the data's, they keep their order.
/// Error(kInput) names file and line.
FinetuneData read_finetune_data(const FinetuneRecipe& recipe, const Tokenizer& tokenizer,
                                const RobertaConfig& config);

/// The config of the model to be made: head, labels, dropout.
RobertaConfig finetuned_config(const FinetuneRecipe& recipe, const FinetuneData& data, RobertaConfig base);

/// Whether a model of that config has a head for exactly these labels.
bool head_fits(const RobertaConfig& base, HeadKind base_head, const FinetuneData& data);

}  // namespace roberta
