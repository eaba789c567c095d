#include <algorithm>
#include <cmath>
#include <map>

#include "api/evaluate/prediction_file.h"
#include "core/error.h"
#include "roberta/evaluate.h"
#include "tasks/datasets/fill_mask_data.h"
#include "tasks/decoding/mask_words.h"
#include "tasks/decoding/probabilities.h"

namespace roberta {
namespace {

constexpr size_t kTextsAtOnce = 128;
constexpr size_t kMostRows = 512;  // rows of logits held at once: 100 MB at 50,265 entries
constexpr int64_t kTop = 5;        // candidates that a prediction shows

/// A mask of a text and the word that stood there, on its way through the chain rule.
struct AskedWord {
  size_t text;
  int32_t position;
  std::string word;
  std::vector<int32_t> tokens;
  double log_prob = 0;
  int64_t rank = 0;                 // the worst of its tokens
  std::vector<TokenCandidate> top;  // at its first token
};

/// 1 for the likeliest token; of equally likely ones the lower id comes first, as in top_candidates().
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
    size_t longest = 0;
    for (const AskedWord& word : asked) longest = std::max(longest, word.tokens.size());
    for (size_t step = 0; step < longest; ++step) advance(asked, step);
    for (const AskedWord& word : asked) count(word);
    write(examples, asked);
  }

  /// The text's tokens, cut to what the model takes with its longest word put in, and its words.
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
      words.push_back({text, static_cast<int32_t>(p), word,
                       word_tokens(tokenizer, example.text, encoding.offsets[p], word)});
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

  /// Adds token `step` of each word that is that long. Words that ask the same sequence share one run of it.
  void advance(std::vector<AskedWord>& asked, size_t step) {
    const int32_t mask = model_.tokenizer().mask_id();
    for (size_t begin = 0; begin < asked.size();) {
      std::vector<Model::Ids> sequences;
      std::vector<TokenPosition> positions;
      std::vector<AskedWord*> words;
      std::map<Model::Ids, int32_t> known;
      size_t i = begin;
      for (; i < asked.size() && words.size() < kMostRows; ++i) {
        AskedWord& word = asked[i];
        if (step >= word.tokens.size()) continue;
        std::vector<int32_t> inside(word.tokens.size(), mask);
        std::copy_n(word.tokens.begin(), step, inside.begin());
        Model::Ids ids = filled(ids_[word.text], word.position, inside);
        const auto [entry, fresh] = known.try_emplace(ids, static_cast<int32_t>(sequences.size()));
        if (fresh) sequences.push_back(std::move(ids));
        positions.push_back({entry->second, word.position + static_cast<int32_t>(step)});
        words.push_back(&word);
      }
      begin = i;
      const Matrix logits = model_.mlm_logits(sequences, positions);
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

  /// Models may have more entries than their tokenizer.
  std::string text_of(int32_t token) const {
    const Tokenizer& tokenizer = model_.tokenizer();
    return token < tokenizer.vocab_size() ? tokenizer.decode({&token, 1}) : "";
  }

  /// Share of the words of so many tokens (0: of all) with a rank of at most `k`.
  ReportRow share(const std::string& name, int64_t k, size_t least_tokens, size_t most_tokens) const {
    ReportRow row{name, 0, 0};
    for (size_t i = 0; i < ranks_.size(); ++i) {
      if (tokens_[i] < least_tokens || tokens_[i] > most_tokens) continue;
      ++row.count;
      row.value += ranks_[i] <= k;
    }
    if (row.count > 0) row.value *= 100 / static_cast<double>(row.count);
    return row;
  }

  TaskEvaluation finish(int64_t examples) const {
    constexpr size_t kAny = ~size_t{0};
    if (ranks_.empty()) fail(ErrorCode::kInput, "[fill-mask] no mask has a word that could be asked for");
    const double n = static_cast<double>(ranks_.size());
    TaskEvaluation out;
    out.task = "fill-mask";
    out.examples = examples;
    out.loss = sum_ / n;
    out.metrics = {{"accuracy_at_1", share("", 1, 0, kAny).value / 100},
                   {"accuracy_at_5", share("", 5, 0, kAny).value / 100},
                   {"mrr", reciprocal_ / n},
                   {"perplexity", std::exp(out.loss)},
                   {"masks", n}};
    ReportGroup ranks{.title = "Words among the model's first guesses", .rows = {}, .line = {}};
    for (const int64_t k : {1, 5, 10, 100, 1000})
      ranks.rows.push_back(share(concat("first ", k), k, 0, kAny));
    ReportGroup lengths{.title = "Right at first guess, by tokens of the word", .rows = {}, .line = {}};
    lengths.rows = {share("one token", 1, 1, 1), share("two tokens", 1, 2, 2),
                    share("three or more", 1, 3, kAny)};
    std::erase_if(lengths.rows, [](const ReportRow& row) { return row.count == 0; });
    out.groups = {std::move(ranks), std::move(lengths)};
    if (cut_texts_ > 0) {
      out.notes.push_back(concat(cut_texts_, " texts were cut to the ", max_length_, " tokens of the model; ",
                                 lost_, " words behind that were not asked for"));
    }
    return out;
  }

  Model& model_;
  const FillMaskEvaluationOptions& options_;
  const int64_t max_length_;
  PredictionFile predictions_;
  std::vector<Model::Ids> ids_;  // of the texts at hand
  std::vector<int64_t> ranks_;
  std::vector<size_t> tokens_;  // of each word
  double sum_ = 0, reciprocal_ = 0;
  int64_t cut_texts_ = 0, lost_ = 0;
};

}  // namespace

TaskEvaluation evaluate_fill_mask(Model& model, const std::filesystem::path& file,
                                  const FillMaskEvaluationOptions& options) {
  const ModelInfo& info = model.info();
  if (!info.has_mlm_head) {
    fail(ErrorCode::kModel, "[evaluate] the model (", info.architecture,
         ") has no masked-language-model head; this evaluation needs a RobertaForMaskedLM");
  }
  if (options.max_length > info.max_length) {
    fail(ErrorCode::kUsage, "[evaluate] texts of ", options.max_length, " tokens; the model takes at most ",
         info.max_length);
  }
  return FillMaskRun(model, options)
      .run(read_fill_mask(file, options.text_column, options.label_column, model.tokenizer().mask_token(),
                          options.limit));
}

}  // namespace roberta
