#include "api/finetune/data.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "api/evaluate/text_columns.h"
#include "api/options/dtype.h"
#include "api/options/enum_names.h"
#include "core/error.h"
#include "data/samples.h"
#include "io/digest.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSplitSeed = 0x73706c6974;  // the validation fraction is the same for every seed of a run

std::vector<std::string> labels_of(const RobertaConfig& config) {
  std::vector<std::string> labels;
  for (const auto& [id, label] : config.id2label) labels.push_back(label);
  return labels;
}

bool same_names(std::vector<std::string> a, std::vector<std::string> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

bool is_number(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Numbers, some of which are not whole.
bool are_values(const std::vector<std::string>& labels) {
  bool whole = true;
  for (const std::string& label : labels) {
    double value = 0;
    if (!is_number(label, value)) return false;
    whole &= value == std::floor(value);
  }
  return !whole && !labels.empty();
}

/// Takes a fraction of the items for validation: which ones depends only on their number.
template <class T>
std::vector<T> take_fraction(std::vector<T>& items, double fraction) {
  const int64_t n = static_cast<int64_t>(items.size());
  const int64_t taken =
      std::clamp<int64_t>(std::llround(fraction * static_cast<double>(n)), 1, std::max<int64_t>(1, n - 1));
  std::vector<bool> chosen(items.size());
  for (int64_t i = 0; i < taken; ++i)
    chosen[static_cast<size_t>(stream_position(kSplitSeed, n, i).index)] = true;
  std::vector<T> kept, out;
  for (size_t i = 0; i < items.size(); ++i) (chosen[i] ? out : kept).push_back(std::move(items[i]));
  items = std::move(kept);
  return out;
}

class Reader {
 public:
  Reader(const FinetuneRecipe& recipe, const Tokenizer& tokenizer, const RobertaConfig& config)
      : recipe_(recipe), o_(recipe.options), tokenizer_(tokenizer), config_(config) {}

  FinetuneData read() {
    if (recipe_.traits->kind == TaskKind::kTokenClassification) {
      read_tokens();
    } else if (recipe_.traits->kind == TaskKind::kQuestionAnswering) {
      read_questions();
    } else {
      read_texts();
    }
    for (const Feature& feature : data_.train) {
      const int64_t n = static_cast<int64_t>(feature.ids.size());
      data_.tokens += n;
      data_.longest = std::max(data_.longest, n);
    }
    if (data_.train.empty())
      fail(ErrorCode::kInput, "[finetune] ", o_.train_file.string(), ": no examples found");
    return std::move(data_);
  }

 private:
  void add_file(const std::string& role, const fs::path& path, int64_t examples) {
    data_.files.push_back({role, path, examples, to_hex(digest_of_file(path, "finetune"))});
  }
  static std::string dev_name(size_t i) { return i == 0 ? "dev" : "dev_mm"; }

  /// Reads the sets to evaluate on; `read`: one file.
  template <class Read>
  void read_evaluation(const Read& read) {
    for (size_t i = 0; i < recipe_.dev.size(); ++i) {
      data_.dev.push_back({dev_name(i), read(recipe_.dev[i])});
      add_file(dev_name(i), recipe_.dev[i], data_.dev.back().examples());
    }
    if (o_.test_file.empty()) return;
    data_.test = EvaluationSet{"test", read(o_.test_file)};
    add_file("test", o_.test_file, data_.test->examples());
  }

  TextDataOptions text_options(int64_t limit) const {
    TextDataOptions options;
    options.columns = usual_text_columns(o_.text_column, o_.text_pair_column, o_.label_column);
    options.set_separator = o_.label_separator;
    options.labels = o_.labels;
    options.limit = limit;
    return options;
  }

  TextData read_training_texts() {
    if (recipe_.glue) return read_glue(*recipe_.glue, o_.train_file, o_.max_train_samples);
    TextDataOptions options = text_options(o_.max_train_samples);
    if (o_.problem == Problem::kRegression) options.kind = LabelKind::kValue;
    if (o_.problem == Problem::kMultiLabel) options.kind = LabelKind::kSet;
    if (options.labels.empty() && options.kind != LabelKind::kValue) options.labels = known_labels(options);
    TextData data = read_text_data(o_.train_file, options);
    if (o_.problem == Problem::kAuto && o_.labels.empty() && are_values(data.labels)) {
      options.kind = LabelKind::kValue;
      options.labels.clear();
      data = read_text_data(o_.train_file, options);
      data_.notes.push_back(
          "labels are numbers that are not all whole: regression (set --problem to change that)");
    }
    return data;
  }

  /// The labels of the model to start from, in its order, if they are the same as those of the data.
  std::vector<std::string> known_labels(TextDataOptions options) const {
    const std::vector<std::string> own = labels_of(config_);
    if (own.empty() || is_default_label(own[0])) return {};
    return same_names(own, read_text_data(o_.train_file, options).labels) ? own : std::vector<std::string>{};
  }

  void read_texts() {
    TextData train = read_training_texts();
    data_.labels = train.labels;
    data_.head = HeadKind::kSequenceClassification;
    data_.objective = {
        .kind = train.kind == LabelKind::kValue ? ObjectiveKind::kRegression
                : train.kind == LabelKind::kSet ? ObjectiveKind::kMultiLabel
                                                : ObjectiveKind::kClassification,
        .labels = train.kind == LabelKind::kValue ? 1 : static_cast<int64_t>(train.labels.size()),
        .label_smoothing = static_cast<float>(o_.label_smoothing_factor)};
    data_.problem_type = train.kind == LabelKind::kValue ? "regression"
                         : train.kind == LabelKind::kSet ? "multi_label_classification"
                                                         : "single_label_classification";
    if (train.kind != LabelKind::kClass && o_.label_smoothing_factor > 0)
      fail(ErrorCode::kUsage,
           "[finetune] label_smoothing_factor is for single-label classification, not for ",
           data_.problem_type);
    if (train.skipped > 0)
      data_.notes.push_back(
          concat(o_.train_file.string(), ": ", train.skipped, " rows are dropped, as the format requires"));
    if (recipe_.dev.empty() && o_.validation_fraction > 0) {
      TextData dev = train;
      dev.examples = take_fraction(train.examples, o_.validation_fraction);
      data_.dev.push_back({"dev", std::move(dev)});
    }
    count_texts(train);
    read_evaluation([&](const fs::path& path) {
      if (recipe_.glue) return read_glue(*recipe_.glue, path, o_.max_eval_samples);
      TextDataOptions options = text_options(o_.max_eval_samples);
      options.kind = train.kind;
      options.labels = train.labels;
      return read_text_data(path, options);
    });
    const std::vector<Feature> features = text_features(tokenizer_, train, o_.max_seq_length, o_.threads);
    data_.train = features;
    note_cut();
    finish(train.examples.size());
  }

  void count_texts(const TextData& train) {
    if (train.kind == LabelKind::kValue) {
      const auto [low, high] =
          std::minmax_element(train.examples.begin(), train.examples.end(),
                              [](const TextExample& a, const TextExample& b) { return a.value < b.value; });
      if (low != train.examples.end() && low->value == high->value) {
        fail(ErrorCode::kInput, "[finetune] ", o_.train_file.string(), ": all ", train.examples.size(),
             " examples have the value ", low->value, ": there is nothing to learn");
      }
      return;
    }
    std::vector<int64_t> counts(train.labels.size());
    for (const TextExample& example : train.examples) {
      if (train.kind == LabelKind::kSet) {
        for (const int32_t label : example.label_set) ++counts[static_cast<size_t>(label)];
      } else {
        ++counts[static_cast<size_t>(example.label)];
      }
    }
    set_counts(counts, train.labels, static_cast<int64_t>(train.examples.size()), "examples",
               train.kind == LabelKind::kSet);
  }

  void set_counts(const std::vector<int64_t>& counts, const std::vector<std::string>& labels, int64_t all,
                  const char* unit, bool sets) {
    std::string missing, only;
    int64_t seen = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      data_.label_counts.emplace_back(labels[i], counts[i]);
      if (counts[i] > 0) ++seen, only = labels[i];
      if (counts[i] == 0) missing += concat(missing.empty() ? "" : ", ", "'", labels[i], "'");
    }
    if (!sets && seen == 1) {
      fail(ErrorCode::kInput, "[finetune] ", o_.train_file.string(), ": all ", all, " ", unit,
           " have the label '", only, "': there is nothing to learn; check the file and --label-column");
    }
    if (!missing.empty())
      data_.warnings.push_back(
          concat("[finetune] ", o_.train_file.string(), ": no ", unit, " with the label ", missing));
  }

  void read_tokens() {
    TokenDataOptions options;
    if (!o_.text_column.empty()) options.text_column = o_.text_column;
    if (!o_.label_column.empty()) options.label_column = o_.label_column;
    options.scheme = enum_name(o_.tag_scheme);
    options.labels = o_.labels;
    options.limit = o_.max_train_samples;
    TokenData train = read_token_data(o_.train_file, options);
    const std::vector<std::string> own = labels_of(config_);
    if (o_.labels.empty() && own != train.labels && same_names(own, train.labels)) {
      options.labels = own;
      train = read_token_data(o_.train_file, options);
    }
    data_.labels = train.labels;
    data_.head = HeadKind::kTokenClassification;
    data_.objective = {.kind = ObjectiveKind::kTokens,
                       .labels = static_cast<int64_t>(train.labels.size()),
                       .label_smoothing = static_cast<float>(o_.label_smoothing_factor)};
    if (train.converted > 0)
      data_.notes.push_back(
          concat(o_.train_file.string(), ": ", train.converted, " IOB1 tags are converted to IOB2"));
    if (recipe_.dev.empty() && o_.validation_fraction > 0) {
      TokenData dev = train;
      dev.sentences = take_fraction(train.sentences, o_.validation_fraction);
      data_.dev.push_back({"dev", std::move(dev)});
    }
    std::vector<int64_t> counts(train.labels.size());
    int64_t words = 0;
    for (const TaggedSentence& sentence : train.sentences) {
      for (const int32_t tag : sentence.tags) ++counts[static_cast<size_t>(tag)], ++words;
    }
    set_counts(counts, train.labels, words, "words", false);
    options.labels = train.labels;
    options.limit = o_.max_eval_samples;
    read_evaluation([&](const fs::path& path) { return read_token_data(path, options); });
    for (TokenFeature& feature :
         token_features(tokenizer_, train, o_.max_seq_length, o_.label_all_tokens, o_.threads))
      data_.train.push_back(std::move(feature));
    finish(train.sentences.size());
  }

  void read_questions() {
    SquadDataOptions options{
        .training = true, .offsets = enum_name(o_.answer_offsets), .limit = o_.max_train_samples};
    SquadData train = read_squad(o_.train_file, options);
    data_.head = HeadKind::kQuestionAnswering;
    data_.objective = {.kind = ObjectiveKind::kSpans, .labels = 2};
    if (train.moved > 0) {
      data_.notes.push_back(concat(o_.train_file.string(), ": ", train.moved,
                                   " answers are not at their answer_start and were found nearby"));
    }
    if (train.dropped > 0) {
      data_.warnings.push_back(concat("[finetune] ", o_.train_file.string(), ": ", train.dropped,
                                      " answers are not in their context; their questions are left out"));
    }
    if (recipe_.dev.empty() && o_.validation_fraction > 0) take_questions(train);
    options.training = false;
    options.limit = o_.max_eval_samples;
    read_evaluation([&](const fs::path& path) { return read_squad(path, options); });
    const SpanFeatureOptions features{.max_length = o_.max_seq_length, .stride = o_.doc_stride};
    int64_t without = 0;
    for (SpanFeature& feature : span_features(tokenizer_, train, features, o_.threads)) {
      without += feature.targets.size() == 2 && feature.targets[0] == 0;
      data_.train.push_back(std::move(feature));
    }
    if (without > 0) data_.notes.push_back(concat(without, " windows contain no answer"));
    if (without == static_cast<int64_t>(data_.train.size()) && without > 0) {
      fail(ErrorCode::kInput, "[finetune] ", o_.train_file.string(),
           ": no window of the training data contains an answer: there is nothing to learn");
    }
    finish(train.questions.size());
  }

  /// Whole contexts: questions about one are too similar to be on both sides.
  void take_questions(SquadData& train) {
    std::vector<size_t> contexts(train.contexts.size());
    for (size_t i = 0; i < contexts.size(); ++i) contexts[i] = i;
    const std::vector<size_t> taken = take_fraction(contexts, o_.validation_fraction);
    const std::set<size_t> chosen(taken.begin(), taken.end());
    SquadData dev = train;
    std::erase_if(train.questions, [&](const SquadQuestion& q) { return chosen.contains(q.context); });
    std::erase_if(dev.questions, [&](const SquadQuestion& q) { return !chosen.contains(q.context); });
    data_.dev.push_back({"dev", std::move(dev)});
  }

  void note_cut() {
    const int64_t cut = std::count_if(data_.train.begin(), data_.train.end(), [&](const Feature& feature) {
      return static_cast<int64_t>(feature.ids.size()) >= o_.max_seq_length;
    });
    if (cut > 0) {
      data_.notes.push_back(concat(cut, " of ", data_.train.size(), " training texts fill the ",
                                   o_.max_seq_length, " tokens of a sequence; longer ones are cut"));
    }
  }

  void finish(size_t examples) {
    data_.examples = static_cast<int64_t>(examples);
    data_.files.insert(data_.files.begin(), {"train", o_.train_file, data_.examples,
                                             to_hex(digest_of_file(o_.train_file, "finetune"))});
  }

  const FinetuneRecipe& recipe_;
  const FinetuneOptions& o_;
  const Tokenizer& tokenizer_;
  const RobertaConfig& config_;
  FinetuneData data_;
};

}  // namespace

int64_t EvaluationSet::examples() const {
  if (const auto* texts = std::get_if<TextData>(&data)) return static_cast<int64_t>(texts->examples.size());
  if (const auto* tokens = std::get_if<TokenData>(&data))
    return static_cast<int64_t>(tokens->sentences.size());
  return static_cast<int64_t>(std::get<SquadData>(data).questions.size());
}

std::string FinetuneData::hash() const {
  std::string all;
  for (const DataFile& file : files) all += concat(file.role, " ", file.hash, " ", file.examples, "\n");
  for (const std::string& label : labels) all += label + "\n";
  return to_hex(digest_of(all));
}

FinetuneData read_finetune_data(const FinetuneRecipe& recipe, const Tokenizer& tokenizer,
                                const RobertaConfig& config) {
  return Reader(recipe, tokenizer, config).read();
}

RobertaConfig finetuned_config(const FinetuneRecipe& recipe, const FinetuneData& data, RobertaConfig base) {
  RobertaConfig config = std::move(base);
  config.architectures = {architecture_of_head(data.head)};
  config.torch_dtype = name_of(dtype_of(recipe.options.save_precision));
  config.problem_type = data.problem_type;
  config.id2label.clear();
  for (size_t i = 0; i < data.labels.size(); ++i) config.id2label[static_cast<int64_t>(i)] = data.labels[i];
  if (data.objective.kind == ObjectiveKind::kRegression) config.id2label = default_labels(1);
  const FinetuneOptions& o = recipe.options;
  config.hidden_dropout_prob = o.hidden_dropout_prob.value_or(config.hidden_dropout_prob);
  config.attention_probs_dropout_prob =
      o.attention_probs_dropout_prob.value_or(config.attention_probs_dropout_prob);
  if (o.classifier_dropout) config.classifier_dropout = o.classifier_dropout;
  return config;
}

bool head_fits(const RobertaConfig& base, HeadKind base_head, const FinetuneData& data) {
  if (base_head != data.head) return false;
  if (data.head == HeadKind::kQuestionAnswering) return true;
  const std::vector<std::string> labels = labels_of(base);
  if (data.objective.kind == ObjectiveKind::kRegression) return labels.size() == 1;
  if (labels.size() != data.labels.size()) return false;
  return labels == data.labels || is_default_label(labels[0]);
}

}  // namespace roberta
