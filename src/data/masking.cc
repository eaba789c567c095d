#include "data/masking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "data/random_stream.h"

namespace roberta {
namespace {

constexpr int32_t kFirstReplacement = 4;  // fairseq never draws <s>, <pad>, </s>, <unk>, but may <mask>

enum class MaskAction : uint8_t { kMask, kLeave, kRandom };

void check(const MaskingOptions& options) {
  const auto check_probability = [](double probability, const char* name) {
    if (!(probability >= 0 && probability <= 1))
      fail(ErrorCode::kUsage, "[masking] ", name, " ", probability, ": must be between 0 and 1");
  };
  check_probability(options.mask_prob, "mask_prob");
  check_probability(options.leave_unmasked_prob, "leave_unmasked_prob");
  check_probability(options.random_token_prob, "random_token_prob");
  check_probability(options.leave_unmasked_prob + options.random_token_prob,
                    "leave_unmasked_prob + random_token_prob");
}

/// Spelled in the byte-level alphabet: "Ġ" is the space, "Ċ" the line end, U+0100..U+0120 all below them.
bool begins_word(const std::string& token) {
  return token.size() > 1 && (token.starts_with("\xC4\xA0") || token.starts_with("\xC4\x8A") ||
                              token.starts_with("\xC4\x89") || token.starts_with("\xC4\x8D"));
}

/// Items [begin[i], begin[i+1]) of a sample share one action.
struct Units {
  std::vector<size_t> begins;
  std::vector<size_t> ends;
};

/// Of the chosen: fairseq draws twice, whether it is one of the exceptions and which.
MaskAction draw_action(const MaskingOptions& options, RandomStream& random) {
  const double exceptions = options.leave_unmasked_prob + options.random_token_prob;
  const double exception = random.uniform(), which = random.uniform();
  if (exception >= exceptions) return MaskAction::kMask;
  return which * exceptions < options.leave_unmasked_prob ? MaskAction::kLeave : MaskAction::kRandom;
}

/// `n` of 0 .. count-1, each once, ascending.
std::vector<uint32_t> choose(size_t n, size_t count, RandomStream& random) {
  std::vector<uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0u);
  for (size_t i = 0; i < n; ++i) {  // Fisher and Yates, as far as needed
    std::swap(all[i], all[i + random.below(static_cast<uint32_t>(count - i))]);
  }
  all.resize(n);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

Masker::Masker(const Tokenizer& tokenizer, const MaskingOptions& options)
    : options_(options), mask_id_(tokenizer.mask_id()), vocab_size_(tokenizer.vocab_size()) {
  check(options);
  special_.resize(static_cast<size_t>(vocab_size_));
  word_begins_.resize(special_.size());
  int64_t ordinary = 0;
  for (int32_t id = 0; id < vocab_size_; ++id) {
    const auto i = static_cast<size_t>(id);
    special_[i] = tokenizer.is_special(id);
    ordinary += !special_[i];
    if (options.whole_word) word_begins_[i] = special_[i] || begins_word(tokenizer.id_to_token(id));
  }
  if (vocab_size_ <= kFirstReplacement || (options.random_differs && ordinary < 2))
    fail(ErrorCode::kModel, "[masking] a vocabulary of ", vocab_size_, " has no tokens to draw from");
}

void Masker::mask(uint64_t seed, int64_t epoch, int64_t sample, std::span<int32_t> ids,
                  std::vector<int32_t>& positions, std::vector<int32_t>& targets) const {
  positions.clear();
  targets.clear();
  const auto is_special = [&](size_t at) { return special_[static_cast<size_t>(ids[at])] != 0; };
  // What can be chosen: tokens or words, in order. Tokens before the first beginning of a word belong to a
  // word that begins in another block; they are never chosen.
  Units units;
  for (size_t at = 0; at < ids.size(); ++at) {
    const bool left_out = options_.exclude_special && is_special(at);
    const bool begins = !options_.whole_word || word_begins_[static_cast<size_t>(ids[at])] ||
                        (options_.exclude_special && at > 0 && is_special(at - 1));
    if (left_out) continue;
    if (begins) {
      units.begins.push_back(at);
      units.ends.push_back(at + 1);
    } else if (!units.ends.empty() && units.ends.back() == at) {
      units.ends.back() = at + 1;
    }
  }
  RandomStream random(random_of_epoch(seed, RandomPurpose::kMask, epoch), sample);
  const size_t count = units.begins.size();
  // Rounded at random, so that the mean over samples is exact.
  const auto n = static_cast<size_t>(options_.mask_prob * static_cast<double>(count) + random.uniform());
  for (const uint32_t unit : choose(std::min(n, count), count, random)) {
    const MaskAction action = draw_action(options_, random);
    for (size_t at = units.begins[unit]; at < units.ends[unit]; ++at) {
      positions.push_back(static_cast<int32_t>(at));
      targets.push_back(ids[at]);
      if (action == MaskAction::kMask) ids[at] = mask_id_;
      if (action != MaskAction::kRandom) continue;
      const int32_t original = ids[at];
      do {
        ids[at] = options_.random_differs
                      ? static_cast<int32_t>(random.below(static_cast<uint32_t>(vocab_size_)))
                      : kFirstReplacement + static_cast<int32_t>(random.below(
                                                static_cast<uint32_t>(vocab_size_ - kFirstReplacement)));
      } while (options_.random_differs && (ids[at] == original || special_[static_cast<size_t>(ids[at])]));
    }
  }
}

}  // namespace roberta
