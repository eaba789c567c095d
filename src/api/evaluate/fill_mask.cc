#include <algorithm>
#include <cmath>

#include "api/evaluate/prediction_file.h"
#include "api/pipelines/model_impl.h"
#include "api/pipelines/word_chain.h"
#include "core/error.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/fill_mask_data.h"
#include "tasks/decoding/mask_words.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

constexpr size_t kTextsAtOnce = 128;
constexpr size_t kMaxRows = 512;  // rows of logits in memory at once: 100 MB with 50,265 entries
constexpr int64_t kTop = 5;       // candidates shown with a prediction

/// The original word of a mask.
struct AskedWord : MaskWord {
  std::string word;
  int64_t rank = 0;                 // the worst of its tokens
  std::vector<TokenCandidate> top;  // at its first token
};

/// 1 for the most likely token; among equally likely ones the lower id comes first, as in top_candidates().
int64_t rank_of(std::span<const float> logits, int32_t token) {
  const float own = logits[static_cast<size_t>(token)];
  int64_t rank = 1;
  for (size_t v = 0; v < logits.size(); ++v)
    rank += logits[v] > own || (logits[v] == own && static_cast<int32_t>(v) < token);
  return rank;
}

class FillMaskRun {
 public:
  FillMaskRun(Model& model, const FillMaskEvaluationOptions& options)
      : model_(model),
        options_(options),
        max_length_(options.max_length > 0 ? options.max_length : model.info().max_length),
        predictions_(options.predictions) {}

  TaskEvaluation run(const std::vector<FillMaskExample>& examples) {
    for (size_t begin = 0; begin < examples.size(); begin += kTextsAtOnce) {
      const size_t end = std::min(begin + kTextsAtOnce, examples.size());
      compute(std::span(examples).subspan(begin, end - begin));
      if (options_.progress)
        options_.progress("texts", static_cast<int64_t>(end), static_cast<int64_t>(examples.size()));
    }
    predictions_.close();
    return finish(static_cast<int64_t>(examples.size()));
  }

 private:
  void compute(std::span<const FillMaskExample> examples) {
    ids_.clear();
    std::vector<AskedWord> asked;
    for (size_t i = 0; i < examples.size(); ++i) ask(examples[i], i, asked);
    size_t max_tokens = 0;
    for (const AskedWord& word : asked) max_tokens = std::max(max_tokens, word.tokens.size());
    for (size_t step = 0; step < max_tokens; ++step) advance(asked, step);
    for (const AskedWord& word : asked) count(word);
    write(examples, asked);
  }

  /// The text's tokens, cut to the model's length with its longest word filled in, and its words.
  void ask(const FillMaskExample& example, size_t text, std::vector<AskedWord>& asked) {
    const Tokenizer& tokenizer = model_.tokenizer();
    Encoding encoding = tokenizer.encode(example.text);
    std::vector<AskedWord> words;
    size_t mask = 0;
    int64_t room = max_length_;
    for (size_t p = 0; p < encoding.ids.size() && mask < example.words.size(); ++p) {
      if (encoding.ids[p] != tokenizer.mask_id()) continue;
      const std::string& word = example.words[mask++];
      if (word.empty()) continue;
      AskedWord& asked_word = words.emplace_back();
      asked_word.text = text;
      asked_word.position = static_cast<int32_t>(p);
      asked_word.tokens = word_tokens(tokenizer, example.text, encoding.offsets[p], word);
      asked_word.word = word;
      room = std::min(room, max_length_ + 1 - static_cast<int64_t>(words.back().tokens.size()));
    }
    if (room < 3)
      fail(ErrorCode::kInput, "[fill-mask] ", example.location, ": a word is too long for the model");
    if (static_cast<int64_t>(encoding.ids.size()) > room) {
      ++cut_texts_;
      encoding.ids.resize(static_cast<size_t>(room));
      encoding.ids.back() = tokenizer.eos_id();
      lost_ += static_cast<int64_t>(
          std::erase_if(words, [&](const AskedWord& word) { return word.position + 1 >= room; }));
    }
    ids_.push_back(std::move(encoding.ids));
    asked.insert(asked.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
  }

  /// Adds token `step` of each word that has that many.
  void advance(std::vector<AskedWord>& asked, size_t step) {
    const int32_t mask = model_.tokenizer().mask_id();
    for (size_t begin = 0; begin < asked.size();) {
      ChainStep chain(step, mask);
      std::vector<AskedWord*> words;
      for (; begin < asked.size() && chain.size() < kMaxRows; ++begin)
        if (chain.add(asked[begin], ids_[asked[begin].text])) words.push_back(&asked[begin]);
      const Matrix logits = model_.mlm_logits(chain.sequences(), chain.positions());
      for (size_t w = 0; w < words.size(); ++w) {
        AskedWord& word = *words[w];
        const std::span<const float> row = logits.row(static_cast<int64_t>(w));
        const int32_t token = word.tokens[step];
        word.log_prob += static_cast<double>(row[static_cast<size_t>(token)]) - log_sum_exp(row);
        word.rank = std::max(word.rank, rank_of(row, token));
        if (step == 0 && predictions_.wanted()) word.top = top_candidates(row, kTop);
      }
    }
  }

  void count(const AskedWord& word) {
    ranks_.push_back(word.rank);
    tokens_.push_back(word.tokens.size());
    sum_ -= word.log_prob;
    reciprocal_ += 1.0 / static_cast<double>(word.rank);
  }

  void write(std::span<const FillMaskExample> examples, std::span<const AskedWord> asked) {
    if (!predictions_.wanted()) return;
    auto next = asked.begin();
    for (size_t i = 0; i < examples.size(); ++i) {
      Json masks = Json::array();
      double sum = 0;
      for (; next != asked.end() && next->text == i; ++next) {
        Json top = Json::array();
        for (const TokenCandidate& c : next->top)
          top.push_back({{"token_str", text_of(c.token)}, {"score", c.probability}});
        masks.push_back({{"word", next->word},
                         {"rank", next->rank},
                         {"log_prob", next->log_prob},
                         {"tokens", next->tokens.size()},
                         {"top", std::move(top)}});
        sum -= next->log_prob;
      }
      const Json perplexity =
          masks.empty() ? Json(nullptr) : Json(std::exp(sum / static_cast<double>(masks.size())));
      predictions_.write({{"place", examples[i].location},
                          {"text", examples[i].text},
                          {"perplexity", perplexity},
                          {"masks", masks}});
    }
  }

  /// A model may have a larger vocabulary than its tokenizer.
  std::string text_of(int32_t token) const {
    const Tokenizer& tokenizer = model_.tokenizer();
    return token < tokenizer.vocab_size() ? tokenizer.decode({&token, 1}) : "";
  }

  /// Percentage of the words with min_tokens..max_tokens tokens that have a rank of at most `k`.
  ReportRow percentage(const std::string& name, int64_t k, size_t min_tokens, size_t max_tokens) const {
    ReportRow row{name, 0, 0};
    for (size_t i = 0; i < ranks_.size(); ++i) {
      if (tokens_[i] < min_tokens || tokens_[i] > max_tokens) continue;
      ++row.count;
      row.value += ranks_[i] <= k;
    }
    if (row.count > 0) row.value *= 100 / static_cast<double>(row.count);
    return row;
  }

  TaskEvaluation finish(int64_t examples) const {
    constexpr size_t kAny = ~size_t{0};
    if (ranks_.empty()) fail(ErrorCode::kInput, "[fill-mask] no mask has a word to evaluate");
    const double n = static_cast<double>(ranks_.size());
    TaskEvaluation out;
    out.task = "fill-mask";
    out.examples = examples;
    out.loss = sum_ / n;
    out.metrics = {{"accuracy_at_1", percentage("", 1, 0, kAny).value / 100},
                   {"accuracy_at_5", percentage("", 5, 0, kAny).value / 100},
                   {"mrr", reciprocal_ / n},
                   {"perplexity", std::exp(out.loss)},
                   {"masks", n}};
    ReportGroup ranks{.title = "Words among the model's first guesses", .rows = {}, .line = {}};
    for (const int64_t k : {1, 5, 10, 100, 1000})
      ranks.rows.push_back(percentage(concat("first ", k), k, 0, kAny));
    ReportGroup lengths{.title = "Right at first guess, by tokens of the word", .rows = {}, .line = {}};
    lengths.rows = {percentage("one token", 1, 1, 1), percentage("two tokens", 1, 2, 2),
                    percentage("three or more", 1, 3, kAny)};
    std::erase_if(lengths.rows, [](const ReportRow& row) { return row.count == 0; });
    out.groups = {std::move(ranks), std::move(lengths)};
    if (cut_texts_ > 0) {
      out.notes.push_back(concat(cut_texts_, " texts were cut to the ", max_length_, " tokens of the model; ",
                                 lost_, " words after the cut are not evaluated"));
    }
    return out;
  }

  Model& model_;
  const FillMaskEvaluationOptions& options_;
  const int64_t max_length_;
  PredictionFile predictions_;
  std::vector<Model::Ids> ids_;  // of the current texts
  std::vector<int64_t> ranks_;   // of each word
  std::vector<size_t> tokens_;   // of each word
  double sum_ = 0, reciprocal_ = 0;
  int64_t cut_texts_ = 0, lost_ = 0;
};

}  // namespace

TaskEvaluation evaluate_fill_mask(Model& model, const std::filesystem::path& file,
                                  const FillMaskEvaluationOptions& options) {
  require_task(model, "fill-mask", "evaluate");
  const ModelInfo& info = model.info();
  if (options.max_length > info.max_length) {
    fail(ErrorCode::kUsage, "[evaluate] max_length is ", options.max_length, ": the model takes at most ",
         info.max_length, " tokens");
  }
  return FillMaskRun(model, options)
      .run(read_fill_mask(file, options.text_column, options.label_column, model.tokenizer().mask_token(),
                          options.limit));
}

}  // namespace roberta
