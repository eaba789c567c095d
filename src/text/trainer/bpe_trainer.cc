#include "text/trainer/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/utf8.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/merge_queue.h"
#include "text/trainer/pair_counts.h"

namespace roberta {
namespace {

/// Tokens by id and back.
class TokenList {
 public:
  uint32_t add(const std::string& token, uint32_t chars) {
    const auto [at, added] = ids_.try_emplace(token, static_cast<uint32_t>(tokens_.size()));
    if (added) {
      tokens_.push_back(token);
      chars_.push_back(chars);
    }
    return at->second;
  }
  size_t size() const { return tokens_.size(); }
  const std::string& operator[](uint32_t id) const { return tokens_[id]; }
  uint32_t chars(uint32_t id) const { return chars_[id]; }
  std::vector<std::string> take() { return std::move(tokens_); }

 private:
  std::vector<std::string> tokens_;
  std::vector<uint32_t> chars_;
  std::unordered_map<std::string, uint32_t> ids_;
};

/// The words as strings of token ids, in one block; a word shrinks in place as its pairs are merged.
struct Words {
  struct Word {
    uint64_t begin;  // in symbols
    int64_t count;
    uint32_t length;
  };
  std::vector<Word> list;
  std::vector<uint32_t> symbols;
};

/// What one merge does to the pairs that the new token forms with one neighbour, on one side of it.
struct Neighbour {
  int64_t lost = 0;    // count taken from (neighbour, left part) or (right part, neighbour)
  int64_t gained = 0;  // count given to (neighbour, new token) or (new token, neighbour)
  uint32_t words = 0;  // different words with the gained pair
  uint32_t last_word = 0;
  uint64_t list = 0;  // where their numbers go in the pool
};

/// All neighbours on one side during one merge.
struct Side {
  struct Event {
    uint32_t neighbour, word;
  };
  std::vector<Neighbour> of;      // by token id; all zero between merges
  std::vector<uint32_t> touched;  // ids with `lost` != 0
  std::vector<Event> events;      // first gain of each (neighbour, word), words ascending

  void change(uint32_t neighbour, uint32_t word, int64_t count, bool gains) {
    Neighbour& n = of[neighbour];
    if (n.lost == 0) touched.push_back(neighbour);
    n.lost += count;
    if (!gains) return;
    if (n.gained == 0 || n.last_word != word) {
      n.last_word = word;
      ++n.words;
      events.push_back({neighbour, word});
    }
    n.gained += count;
  }
};

class Trainer {
 public:
  Trainer(const WordCounts& words, const BpeOptions& options) : options_(options) {
    if (options.max_token_length > 0) longest_ = static_cast<uint64_t>(options.max_token_length);
    add_initial_tokens();
    collect_words(words);
    count_initial_pairs();
  }

  BpeVocabulary run(const std::function<void(int64_t, int64_t)>& progress);

 private:
  void add_initial_tokens();
  void collect_words(const WordCounts& words);
  void count_initial_pairs();
  void merge(uint64_t pair, uint32_t token, uint64_t words);
  void merge_in_word(uint32_t number, uint32_t left, uint32_t right, uint32_t token);
  void apply_changes(uint32_t left, uint32_t right, uint32_t token);
  void lay_out_lists(Side& side);
  void join_lists_of_token_with_itself(uint32_t token);
  bool fits(uint32_t neighbour, uint32_t token) const {
    return tokens_.chars(neighbour) + static_cast<uint64_t>(tokens_.chars(token)) < longest_;
  }
  std::vector<std::pair<uint32_t, uint32_t>> final_merges() const;

  const BpeOptions& options_;
  uint64_t longest_ = std::numeric_limits<uint64_t>::max();
  TokenList tokens_;
  std::array<uint32_t, 256> id_of_byte_{};
  Words words_;
  PairCounts counts_;
  MergeQueue queue_;
  std::vector<uint32_t> pool_;  // lists of word numbers: length, then the numbers, ascending
  Side before_, after_;
  std::vector<uint64_t> merges_;
};

void Trainer::add_initial_tokens() {
  for (const std::string& token : options_.special_tokens)
    tokens_.add(token, static_cast<uint32_t>(count_code_points(token)));
  std::array<int, 256> bytes;
  for (int i = 0; i < 256; ++i) bytes[i] = i;
  std::sort(bytes.begin(), bytes.end(), [](int a, int b) { return kByteToChar[a] < kByteToChar[b]; });
  for (const int byte : bytes) {
    std::string token;
    append_byte_char(token, static_cast<uint8_t>(byte));
    id_of_byte_[byte] = tokens_.add(token, 1);
  }
}

void Trainer::collect_words(const WordCounts& words) {
  if (words.size() > std::numeric_limits<uint32_t>::max())
    fail(ErrorCode::kResource, "[tokenizer] the text has ", words.size(),
         " different words; at most 4294967295 can be trained on");
  uint64_t symbols = 0;
  size_t useful = 0;
  words.for_each([&](std::string_view word, int64_t) {
    if (word.size() < 2) return;
    symbols += word.size();
    ++useful;
  });
  words_.list.reserve(useful);
  words_.symbols.reserve(symbols);
  words.for_each([&](std::string_view word, int64_t count) {
    if (word.size() < 2) return;
    words_.list.push_back({words_.symbols.size(), count, static_cast<uint32_t>(word.size())});
    for (const char c : word) words_.symbols.push_back(id_of_byte_[static_cast<uint8_t>(c)]);
  });
}

/// Pairs of bytes have few values, so their counts and lists are laid out by direct index first.
void Trainer::count_initial_pairs() {
  struct Initial {
    int64_t count = 0;
    uint32_t words = 0, last_word = 0;
    uint64_t list = 0;
  };
  const size_t base = tokens_.size();
  std::vector<Initial> initial(base * base);
  const auto for_each_pair = [&](auto&& visit) {
    for (uint32_t w = 0; w < words_.list.size(); ++w) {
      const Words::Word& word = words_.list[w];
      const uint32_t* const s = words_.symbols.data() + word.begin;
      for (uint32_t i = 0; i + 1 < word.length; ++i) visit(initial[s[i] * base + s[i + 1]], w, word.count);
    }
  };
  for_each_pair([](Initial& pair, uint32_t w, int64_t count) {
    if (pair.count == 0 || pair.last_word != w) ++pair.words;
    pair.last_word = w;
    pair.count += count;
  });
  uint64_t size = 0;
  for (Initial& pair : initial) {
    if (pair.count == 0) continue;
    pair.list = size;
    size += 1 + pair.words;
  }
  pool_.resize(size);
  for (Initial& pair : initial) {
    if (pair.count != 0) pool_[pair.list] = 0;
  }
  for_each_pair([&](Initial& pair, uint32_t w, int64_t) {
    uint32_t& length = pool_[pair.list];
    if (length == 0 || pool_[pair.list + length] != w) pool_[pair.list + ++length] = w;
  });
  for (size_t left = 0; left < base; ++left) {
    for (size_t right = 0; right < base; ++right) {
      const Initial& pair = initial[left * base + right];
      if (pair.count == 0) continue;
      const uint64_t key = make_pair_key(static_cast<uint32_t>(left), static_cast<uint32_t>(right));
      counts_.add(key, pair.count);
      queue_.push({pair.count, key, pair.list});
    }
  }
}

BpeVocabulary Trainer::run(const std::function<void(int64_t, int64_t)>& progress) {
  constexpr size_t kProgressEvery = 256;  // merges
  const auto wanted = static_cast<size_t>(std::max<int64_t>(options_.vocab_size, 0));
  while (tokens_.size() < wanted && !queue_.empty()) {
    MergeQueue::Entry top = queue_.pop();
    const int64_t count = counts_.get(top.pair);
    if (top.count != count) {
      queue_.push({std::max<int64_t>(count, 0), top.pair, top.words});
      continue;
    }
    if (top.count < std::max<int64_t>(options_.min_frequency, 1)) break;
    const uint32_t left = left_of(top.pair), right = right_of(top.pair);
    // A token of this spelling may exist (another pair gives it too, or it is special): it is used again.
    const uint32_t token =
        tokens_.add(tokens_[left] + tokens_[right], tokens_.chars(left) + tokens_.chars(right));
    merges_.push_back(top.pair);
    merge(top.pair, token, top.words);
    if (progress && merges_.size() % kProgressEvery == 0)
      progress(static_cast<int64_t>(tokens_.size()), options_.vocab_size);
  }
  if (progress) progress(static_cast<int64_t>(tokens_.size()), options_.vocab_size);
  auto merges = final_merges();
  return {tokens_.take(), std::move(merges)};
}

void Trainer::merge(uint64_t pair, uint32_t token, uint64_t words) {
  constexpr uint32_t kWordAhead = 16, kSymbolsAhead = 8;
  const uint32_t left = left_of(pair), right = right_of(pair);
  before_.of.resize(tokens_.size());
  after_.of.resize(tokens_.size());
  const uint32_t length = pool_[words];
  const uint32_t* const list = pool_.data() + words + 1;
  for (uint32_t i = 0; i < length; ++i) {
    if (i + kWordAhead < length) __builtin_prefetch(&words_.list[list[i + kWordAhead]]);
    if (i + kSymbolsAhead < length)
      __builtin_prefetch(&words_.symbols[words_.list[list[i + kSymbolsAhead]].begin]);
    merge_in_word(list[i], left, right, token);
  }
  apply_changes(left, right, token);
}

/// Replaces the pair left to right. The neighbour before a replacement is already rewritten, the one after it
/// is not: in "abab" the pair (ab, a) comes and goes again, and its list keeps the word, as in the reference.
void Trainer::merge_in_word(uint32_t number, uint32_t left, uint32_t right, uint32_t token) {
  Words::Word& word = words_.list[number];
  uint32_t* const s = words_.symbols.data() + word.begin;
  const uint32_t length = word.length;
  uint32_t to = 0;
  for (uint32_t from = 0; from < length;) {
    if (s[from] != left || from + 1 == length || s[from + 1] != right) {
      s[to++] = s[from++];
      continue;
    }
    if (to > 0) before_.change(s[to - 1], number, word.count, fits(s[to - 1], token));
    from += 2;
    if (from < length) after_.change(s[from], number, word.count, fits(s[from], token));
    s[to++] = token;
  }
  word.length = to;
}

void Trainer::apply_changes(uint32_t left, uint32_t right, uint32_t token) {
  for (const uint32_t n : before_.touched) {
    counts_.prefetch(make_pair_key(n, left));
    counts_.prefetch(make_pair_key(n, token));
  }
  for (const uint32_t n : after_.touched) {
    counts_.prefetch(make_pair_key(right, n));
    counts_.prefetch(make_pair_key(token, n));
  }
  for (const uint32_t n : before_.touched) counts_.add(make_pair_key(n, left), -before_.of[n].lost);
  for (const uint32_t n : after_.touched) counts_.add(make_pair_key(right, n), -after_.of[n].lost);
  if (before_.of[token].gained != 0 && after_.of[token].gained != 0) join_lists_of_token_with_itself(token);
  lay_out_lists(before_);
  lay_out_lists(after_);
  const auto add_gains = [&](Side& side, auto&& key_of) {
    for (const uint32_t n : side.touched) {
      Neighbour& neighbour = side.of[n];
      if (neighbour.gained != 0) {
        const int64_t count = counts_.add(key_of(n), neighbour.gained);
        if (count > 0) queue_.push({count, key_of(n), neighbour.list});
      }
      neighbour = {};
    }
    side.touched.clear();
    side.events.clear();
  };
  add_gains(before_, [&](uint32_t n) { return make_pair_key(n, token); });
  add_gains(after_, [&](uint32_t n) { return make_pair_key(token, n); });
}

void Trainer::lay_out_lists(Side& side) {
  uint64_t size = pool_.size();
  for (const uint32_t n : side.touched) {
    if (side.of[n].words == 0) continue;
    side.of[n].list = size;
    size += 1 + side.of[n].words;
  }
  pool_.resize(size);
  for (const uint32_t n : side.touched) {
    if (side.of[n].words != 0) pool_[side.of[n].list] = 0;
  }
  for (const Side::Event& event : side.events) {
    uint32_t* const list = pool_.data() + side.of[event.neighbour].list;
    list[++list[0]] = event.word;
  }
}

/// (token, token) is the one pair that can gain on both sides (when an existing token is used again): it is
/// counted and listed once, on the left side.
void Trainer::join_lists_of_token_with_itself(uint32_t token) {
  std::vector<uint32_t> words;
  for (const Side* side : {&before_, &after_}) {
    for (const Side::Event& event : side->events) {
      if (event.neighbour == token) words.push_back(event.word);
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (Side* side : {&before_, &after_})
    std::erase_if(side->events, [&](const Side::Event& event) { return event.neighbour == token; });
  for (const uint32_t word : words) before_.events.push_back({token, word});
  before_.of[token].words = static_cast<uint32_t>(words.size());
  before_.of[token].gained += after_.of[token].gained;
  after_.of[token].gained = 0;
  after_.of[token].words = 0;
}

/// A pair can be merged twice, when new occurrences of it arise after the first time; its last rank counts.
std::vector<std::pair<uint32_t, uint32_t>> Trainer::final_merges() const {
  std::unordered_map<uint64_t, size_t> last;
  for (size_t rank = 0; rank < merges_.size(); ++rank) last[merges_[rank]] = rank;
  std::vector<std::pair<uint32_t, uint32_t>> merges;
  merges.reserve(last.size());
  for (size_t rank = 0; rank < merges_.size(); ++rank) {
    if (last[merges_[rank]] == rank) merges.emplace_back(left_of(merges_[rank]), right_of(merges_[rank]));
  }
  return merges;
}

}  // namespace

BpeVocabulary learn_bpe(const WordCounts& words, const BpeOptions& options,
                        const std::function<void(int64_t done, int64_t total)>& progress) {
  return Trainer(words, options).run(progress);
}

}  // namespace roberta
