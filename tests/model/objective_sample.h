#pragma once
// For each objective: a small model's config and a micro-batch of three sequences, with what may be absent
// absent.

#include <vector>

#include "model/objective.h"

namespace roberta::testing {

constexpr ObjectiveKind kAllObjectives[] = {ObjectiveKind::kMaskedLm,   ObjectiveKind::kClassification,
                                            ObjectiveKind::kRegression, ObjectiveKind::kMultiLabel,
                                            ObjectiveKind::kTokens,     ObjectiveKind::kSpans};

inline const char* name_of(ObjectiveKind kind) {
  constexpr const char* kNames[] = {"MaskedLm",   "Classification", "Regression",
                                    "MultiLabel", "Tokens",         "Spans"};
  return kNames[static_cast<size_t>(kind)];
}

inline Objective sample_objective(ObjectiveKind kind, float label_smoothing = 0) {
  const int64_t labels = kind == ObjectiveKind::kRegression ? 1 : kind == ObjectiveKind::kSpans ? 2 : 3;
  return {.kind = kind, .labels = labels, .label_smoothing = label_smoothing};
}

inline RobertaConfig tiny_config() {
  RobertaConfig config;
  config.vocab_size = 13;
  config.hidden_size = 6;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 10;
  config.max_position_embeddings = 12;
  config.type_vocab_size = 2;
  config.layer_norm_eps = 1e-3;  // large, so that a small variance doesn't spoil the differences
  return config;
}

/// Adds the three sequences; the last one has nothing to learn where the objective allows that.
inline void add_samples(TrainingBatch& batch, ObjectiveKind kind, uint32_t first_sample = 0) {
  using Ints = std::vector<int32_t>;
  struct Labels {
    Ints positions, targets;
    std::vector<float> values;
  };
  const auto labels = [kind](size_t s) -> Labels {
    switch (kind) {
      case ObjectiveKind::kMaskedLm:
        return std::vector<Labels>{{{2, 4}, {6, 8}, {}}, {{1}, {3}, {}}, {}}[s];
      case ObjectiveKind::kClassification:
        return std::vector<Labels>{{{0}, {2}, {}}, {{0}, {0}, {}}, {{0}, {-1}, {}}}[s];
      case ObjectiveKind::kRegression:
        return std::vector<Labels>{{{0}, {}, {0.5f}}, {{0}, {}, {-1.25f}}, {{0}, {}, {2}}}[s];
      case ObjectiveKind::kMultiLabel:
        return std::vector<Labels>{{{0}, {}, {1, 0, 0.25f}}, {{0}, {}, {0, 0, 0}}, {{0}, {}, {1, 1, 1}}}[s];
      case ObjectiveKind::kTokens:
        return std::vector<Labels>{{{1, 2, 4}, {0, 2, 1}, {}}, {{1}, {-1}, {}}, {}}[s];
      case ObjectiveKind::kSpans:
        return std::vector<Labels>{{{}, {1, 3}, {}}, {{}, {0, 2}, {}}, {{}, {-1, 7}, {}}}[s];
    }
    return {};
  };
  const std::vector<Ints> sequences{{0, 5, 12, 7, 7, 2}, {0, 12, 9}, {4, 4, 10, 11}};
  for (size_t s = 0; s < sequences.size(); ++s) {
    const Labels of = labels(s);
    batch.add(sequences[s], of.positions, of.targets, of.values, first_sample + static_cast<uint32_t>(s), 1);
  }
}

inline TrainingBatch sample_batch(ObjectiveKind kind, uint32_t first_sample = 0) {
  TrainingBatch batch;
  add_samples(batch, kind, first_sample);
  return batch;
}

inline ObjectiveTraining with_dropout(float rate) {
  ObjectiveTraining training;
  training.pass.hidden_dropout = training.pass.attention_dropout = rate;
  training.pass.dropout_key = 99;
  training.scale = 0.5;
  return training;
}

}  // namespace roberta::testing
