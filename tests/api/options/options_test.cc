// The visitors of the options structs: texts read back as the same values, names and order of the fingerprint
// stay.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/options/check_options.h"
#include "api/options/finetune_options.h"
#include "api/options/fingerprint.h"
#include "api/options/init_options.h"
#include "api/options/pretrain_options.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

/// Reads each field back from its text.
class ReadsBack {
 public:
  void group(std::string_view) {}
  template <class Field>
  void operator()(const OptionInfo& info, const Field& field) {
    Field again{};
    parse_option(option_text(field), again);
    EXPECT_EQ(option_text(again), option_text(field)) << info.name;
    EXPECT_EQ(stored_text(again), stored_text(field)) << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
    names.push_back(std::string(info.name));
  }
  std::vector<std::string> names;
};

template <class Options>
void expect_sound(const Options& options) {
  ReadsBack visitor;
  visit_options(options, visitor);
  std::sort(visitor.names.begin(), visitor.names.end());
  EXPECT_EQ(std::unique(visitor.names.begin(), visitor.names.end()), visitor.names.end());
  check_options("test", options);  // defaults are within their ranges
}

std::string names_of(const OptionList& list) {
  std::string names;
  for (const auto& [name, value] : list) names += (names.empty() ? "" : " ") + name;
  return names;
}

TEST(Options, TextsReadBackAsTheSameValues) {
  expect_sound(InitOptions());
  PretrainOptions pretrain;
  pretrain.stages = {{128, 512, 9000}, {512, 128, 10000}};
  pretrain.packing = Packing::kCompleteDoc;
  expect_sound(pretrain);
  FinetuneOptions finetune;
  finetune.labels = {"yes", "no"};
  finetune.learning_rate = 2e-5;
  finetune.optim = OptimizerType::kAdamW;
  expect_sound(finetune);
}

TEST(Options, TextsAreShort) {
  EXPECT_EQ(option_text(6e-4), "6e-4");
  EXPECT_EQ(option_text(0.01), "0.01");
  EXPECT_EQ(option_text(600.0), "600");
  EXPECT_EQ(option_text(std::optional<double>()), "");
  EXPECT_EQ(option_text(Precision::kBF16), "bfloat16");
  EXPECT_EQ(stored_text(6e-4), "6e-04");
  EXPECT_EQ(stored_text(OptimizerType::kAdam), "fairseq");
}

TEST(Options, TheFingerprintKeepsItsNamesAndOrder) {
  EXPECT_EQ(
      names_of(Fingerprint(PretrainOptions()).list()),
      "packing vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size "
      "max_position_embeddings layer_norm_eps hidden_dropout_prob attention_probs_dropout_prob mask_prob "
      "leave_unmasked_prob random_token_prob whole_word exclude_special random_differs stages "
      "micro_batch_tokens optimizer learning_rate adam_beta1 adam_beta2 adam_epsilon weight_decay decay_all "
      "max_grad_norm lr_scheduler_type max_steps warmup_steps lr_power lr_end seed dtype");
  EXPECT_EQ(
      names_of(Fingerprint(FinetuneOptions()).list()),
      "task data model max_seq_length max_steps batch_tokens batch_size micro_batch_tokens group_by_length "
      "shuffle optim learning_rate lr_scheduler_type warmup_steps weight_decay decay_all layer_decay "
      "adam_beta1 adam_beta2 adam_epsilon max_grad_norm label_smoothing_factor hidden_dropout_prob "
      "attention_probs_dropout_prob classifier_dropout lora_r lora_alpha lora_targets label_all_tokens "
      "doc_stride seed dtype");
}

TEST(Options, AValueOutOfRangeIsNamed) {
  PretrainOptions pretrain;
  pretrain.learning_rate = -1;
  EXPECT_ERROR(ErrorCode::kUsage, check_options("train", pretrain),
               "[train] learning_rate is -1: expected a number in 0..1000");
  FinetuneOptions finetune;
  finetune.seeds = 0;
  EXPECT_ERROR(ErrorCode::kUsage, check_options("finetune", finetune),
               "[finetune] seeds is 0: expected a whole number in 1..1000");
}

}  // namespace
}  // namespace roberta
