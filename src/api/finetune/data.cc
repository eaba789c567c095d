#include "api/finetune/data.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "api/evaluate/text_columns.h"
#include "core/error.h"
#include "data/samples.h"
#include "io/digest.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSplitSeed = 0x73706c6974;  // the dev share is the same for every seed of a run

/// "LABEL_0": what transformers calls labels that nobody named.
bool is_generic(const std::string& label) { return label.starts_with("LABEL_"); }

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

/// Numbers, of which some aren't whole.
bool are_values(const std::vector<std::string>& labels) {
  bool whole = true;
  for (const std::string& label : labels) {
    double value = 0;
    if (!is_number(label, value)) return false;
    whole &= value == std::floor(value);
  }
  return !whole && !labels.empty();
}

/// Takes `share` of the items for dev: which ones depends on their number alone.
template <class T>
std::vector<T> take_share(std::vector<T>& items, double share) {
  const int64_t n = static_cast<int64_t>(items.size());
  const int64_t taken =
      std::clamp<int64_t>(std::llround(share * static_cast<double>(n)), 1, std::max<int64_t>(1, n - 1));
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
    switch (recipe_.kind) {
      case FinetuneKind::kText:
        read_texts();
        break;
      case FinetuneKind::kTokens:
        read_tokens();
        break;
      case FinetuneKind::kSpans:
        read_questions();
        break;
    }
    for (const Feature& feature : data_.train) {
      const int64_t n = static_cast<int64_t>(feature.ids.size());
      data_.tokens += n;
      data_.longest = std::max(data_.longest, n);
    }
    if (data_.train.empty()) fail(ErrorCode::kInput, "[finetune] ", o_.train.string(), ": holds no example");
    return std::move(data_);
  }

 private:
  void add_file(const std::string& role, const fs::path& path, int64_t examples) {
    data_.files.push_back({role, path, examples, to_hex(digest_of_file(path, "finetune"))});
  }
  static std::string dev_name(size_t i) { return i == 0 ? "dev" : "dev_mm"; }

  /// Reads the sets to evaluate on; `read`: of a file and a limit.
  template <class Read>
  void read_evaluation(const Read& read) {
    for (size_t i = 0; i < recipe_.dev.size(); ++i) {
      data_.dev.push_back({dev_name(i), read(recipe_.dev[i])});
      add_file(dev_name(i), recipe_.dev[i], data_.dev.back().examples());
    }
    if (o_.test.empty()) return;
    data_.test = EvaluationSet{"test", read(o_.test)};
    add_file("test", o_.test, data_.test->examples());
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
    if (recipe_.glue) return read_glue(*recipe_.glue, o_.train, o_.max_train_samples);
    TextDataOptions options = text_options(o_.max_train_samples);
    if (o_.problem == "regression") options.kind = LabelKind::kValue;
    if (o_.problem == "multi_label") options.kind = LabelKind::kSet;
    if (options.labels.empty() && options.kind != LabelKind::kValue) options.labels = known_labels(options);
    TextData data = read_text_data(o_.train, options);
    if (o_.problem == "auto" && o_.labels.empty() && are_values(data.labels)) {
      options.kind = LabelKind::kValue;
      options.labels.clear();
      data = read_text_data(o_.train, options);
      data_.notes.push_back("labels are numbers that aren't whole: regression (--problem says otherwise)");
    }
    return data;
  }

  /// The labels of the model to start from, in its order, where they are the very ones of the data.
  std::vector<std::string> known_labels(TextDataOptions options) const {
    const std::vector<std::string> mine = labels_of(config_);
    if (mine.empty() || is_generic(mine[0])) return {};
    return same_names(mine, read_text_data(o_.train, options).labels) ? mine : std::vector<std::string>{};
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
        .label_smoothing = static_cast<float>(o_.label_smoothing)};
    data_.problem_type = train.kind == LabelKind::kValue ? "regression"
                         : train.kind == LabelKind::kSet ? "multi_label_classification"
                                                         : "single_label_classification";
    if (train.kind != LabelKind::kClass && o_.label_smoothing > 0)
      fail(ErrorCode::kUsage, "[finetune] label_smoothing_factor is for one label of several, not for ",
           data_.problem_type);
    if (train.skipped > 0)
      data_.notes.push_back(
          concat(o_.train.string(), ": ", train.skipped, " rows are dropped, as the format says"));
    if (recipe_.dev.empty() && o_.dev_share > 0) {
      TextData dev = train;
      dev.examples = take_share(train.examples, o_.dev_share);
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
    const std::vector<Feature> features = text_features(tokenizer_, train, o_.max_length, o_.threads);
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
        fail(ErrorCode::kInput, "[finetune] ", o_.train.string(), ": all ", train.examples.size(),
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
      fail(ErrorCode::kInput, "[finetune] ", o_.train.string(), ": all ", all, " ", unit, " have the label '",
           only, "': there is nothing to learn; is it the right file and label column?");
    }
    if (!missing.empty())
      data_.warnings.push_back(
          concat("[finetune] ", o_.train.string(), ": no ", unit, " with the label ", missing));
  }

  void read_tokens() {
    TokenDataOptions options;
    if (!o_.text_column.empty()) options.text_column = o_.text_column;
    if (!o_.label_column.empty()) options.label_column = o_.label_column;
    options.scheme = o_.tag_scheme;
    options.labels = o_.labels;
    options.limit = o_.max_train_samples;
    TokenData train = read_token_data(o_.train, options);
    const std::vector<std::string> mine = labels_of(config_);
    if (o_.labels.empty() && mine != train.labels && same_names(mine, train.labels)) {
      options.labels = mine;
      train = read_token_data(o_.train, options);
    }
    data_.labels = train.labels;
    data_.head = HeadKind::kTokenClassification;
    data_.objective = {.kind = ObjectiveKind::kTokens,
                       .labels = static_cast<int64_t>(train.labels.size()),
                       .label_smoothing = static_cast<float>(o_.label_smoothing)};
    if (train.converted > 0)
      data_.notes.push_back(
          concat(o_.train.string(), ": ", train.converted, " tags were IOB1 and are read as IOB2"));
    if (recipe_.dev.empty() && o_.dev_share > 0) {
      TokenData dev = train;
      dev.sentences = take_share(train.sentences, o_.dev_share);
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
         token_features(tokenizer_, train, o_.max_length, o_.label_all_tokens, o_.threads))
      data_.train.push_back(std::move(feature));
    finish(train.sentences.size());
  }

  void read_questions() {
    SquadDataOptions options{.training = true, .offsets = o_.answer_offsets, .limit = o_.max_train_samples};
    SquadData train = read_squad(o_.train, options);
    data_.head = HeadKind::kQuestionAnswering;
    data_.objective = {.kind = ObjectiveKind::kSpans, .labels = 2};
    if (train.moved > 0) {
      data_.notes.push_back(concat(o_.train.string(), ": ", train.moved,
                                   " answers stand elsewhere than answer_start says, and were found near"));
    }
    if (train.dropped > 0) {
      data_.warnings.push_back(concat("[finetune] ", o_.train.string(), ": ", train.dropped,
                                      " answers don't stand in their context; their questions are left out"));
    }
    if (recipe_.dev.empty() && o_.dev_share > 0) take_questions(train);
    options.training = false;
    options.limit = o_.max_eval_samples;
    read_evaluation([&](const fs::path& path) { return read_squad(path, options); });
    const SpanFeatureOptions features{.max_length = o_.max_length, .stride = o_.doc_stride};
    int64_t without = 0;
    for (SpanFeature& feature : span_features(tokenizer_, train, features, o_.threads)) {
      without += feature.targets.size() == 2 && feature.targets[0] == 0;
      data_.train.push_back(std::move(feature));
    }
    if (without > 0) data_.notes.push_back(concat(without, " windows hold no answer"));
    if (without == static_cast<int64_t>(data_.train.size()) && without > 0) {
      fail(ErrorCode::kInput, "[finetune] ", o_.train.string(),
           ": no window of the training data holds an answer: there is nothing to learn");
    }
    finish(train.questions.size());
  }

  /// Whole contexts: questions of one are too much alike to stand on both sides.
  void take_questions(SquadData& train) {
    std::vector<size_t> contexts(train.contexts.size());
    for (size_t i = 0; i < contexts.size(); ++i) contexts[i] = i;
    const std::vector<size_t> taken = take_share(contexts, o_.dev_share);
    const std::set<size_t> chosen(taken.begin(), taken.end());
    SquadData dev = train;
    std::erase_if(train.questions, [&](const SquadQuestion& q) { return chosen.contains(q.context); });
    std::erase_if(dev.questions, [&](const SquadQuestion& q) { return !chosen.contains(q.context); });
    data_.dev.push_back({"dev", std::move(dev)});
  }

  void note_cut() {
    const int64_t cut = std::count_if(data_.train.begin(), data_.train.end(), [&](const Feature& feature) {
      return static_cast<int64_t>(feature.ids.size()) >= o_.max_length;
    });
    if (cut > 0) {
      data_.notes.push_back(concat(cut, " of ", data_.train.size(), " training texts fill the ",
                                   o_.max_length, " tokens of a sequence: what is longer is cut"));
    }
  }

  void finish(size_t examples) {
    data_.examples = static_cast<int64_t>(examples);
    data_.files.insert(data_.files.begin(),
                       {"train", o_.train, data_.examples, to_hex(digest_of_file(o_.train, "finetune"))});
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
  config.torch_dtype =
      name_of(recipe.options.save_precision == Precision::kBF16 ? DType::kBF16 : DType::kF32);
  config.problem_type = data.problem_type;
  config.id2label.clear();
  for (size_t i = 0; i < data.labels.size(); ++i) config.id2label[static_cast<int64_t>(i)] = data.labels[i];
  if (data.objective.kind == ObjectiveKind::kRegression) config.id2label = {{0, "LABEL_0"}};
  const FinetuneOptions& o = recipe.options;
  config.hidden_dropout_prob = o.hidden_dropout.value_or(config.hidden_dropout_prob);
  config.attention_probs_dropout_prob = o.attention_dropout.value_or(config.attention_probs_dropout_prob);
  if (o.classifier_dropout) config.classifier_dropout = o.classifier_dropout;
  return config;
}

bool head_fits(const RobertaConfig& base, HeadKind base_head, const FinetuneData& data) {
  if (base_head != data.head) return false;
  if (data.head == HeadKind::kQuestionAnswering) return true;
  const std::vector<std::string> labels = labels_of(base);
  if (data.objective.kind == ObjectiveKind::kRegression) return labels.size() == 1;
  if (labels.size() != data.labels.size()) return false;
  return labels == data.labels || is_generic(labels[0]);
}

}  // namespace roberta
