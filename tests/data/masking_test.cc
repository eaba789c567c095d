// Dynamic masking: the statistics of fairseq's rules over a million tokens, and a pure function of (seed,
// epoch, sample).
#include "data/masking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/data/small_tokenizer.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

constexpr int64_t kSamples = 2000, kLength = 512;

struct Masked {
  std::vector<int32_t> ids, positions, targets;
};

class MaskingTest : public ::testing::Test {
 protected:
  /// <s>, then tokens of all kinds, then </s>.
  std::vector<int32_t> sample(int64_t index, int64_t length = kLength) const {
    std::vector<int32_t> ids = {tokenizer_.bos_id()};
    for (int64_t i = 1; i + 1 < length; ++i)
      ids.push_back(static_cast<int32_t>(5 + (index * 7919 + i * i * 31) % (tokenizer_.vocab_size() - 5)));
    ids.push_back(tokenizer_.eos_id());
    return ids;
  }
  Masked mask(const Masker& masker, uint64_t seed, int64_t epoch, int64_t index,
              int64_t length = kLength) const {
    Masked result{sample(index, length), {}, {}};
    masker.mask(seed, epoch, index, result.ids, result.positions, result.targets);
    return result;
  }

  TempDirectory directory_;
  Tokenizer tokenizer_ = small_tokenizer(directory_);
};

/// `share` of `n` draws, within five standard deviations.
void expect_share(int64_t count, int64_t n, double share, const char* what) {
  const double deviation = std::sqrt(share * (1 - share) / static_cast<double>(n));
  EXPECT_NEAR(static_cast<double>(count) / static_cast<double>(n), share, 5 * deviation) << what;
}

TEST_F(MaskingTest, StatisticsOfAMillionTokens) {
  const Masker masker(tokenizer_, {});
  int64_t chosen = 0, masked = 0, left = 0, replaced = 0, special_chosen = 0;
  std::vector<int64_t> at(kLength);
  std::map<int32_t, int64_t> drawn;
  for (int64_t i = 0; i < kSamples; ++i) {
    const std::vector<int32_t> before = sample(i);
    const Masked after = mask(masker, 1, 0, i);
    ASSERT_EQ(after.positions.size(), after.targets.size());
    // floor(0.15 * 512 + u) is 76 or 77.
    ASSERT_TRUE(after.positions.size() == 76 || after.positions.size() == 77);
    size_t next = 0;
    for (size_t k = 0; k < before.size(); ++k) {
      const bool is_chosen =
          next < after.positions.size() && after.positions[next] == static_cast<int32_t>(k);
      if (!is_chosen) {
        ASSERT_EQ(after.ids[k], before[k]) << "changed without being chosen";
        continue;
      }
      ASSERT_EQ(after.targets[next++], before[k]);
      ++at[k];
      special_chosen += k == 0 || k + 1 == before.size();
      if (after.ids[k] == tokenizer_.mask_id()) {
        ++masked;
      } else if (after.ids[k] == before[k]) {
        ++left;
      } else {
        ++replaced;
        ++drawn[after.ids[k]];
      }
    }
    ASSERT_EQ(next, after.positions.size()) << "positions ascend";
    chosen += static_cast<int64_t>(next);
  }
  const int64_t tokens = kSamples * kLength;
  // The rounding is the only chance in the count: 0.8 of the samples have 77.
  EXPECT_NEAR(static_cast<double>(chosen) / static_cast<double>(tokens), 0.15, 1e-4);
  expect_share(masked, chosen, 0.8 + 0.1 / (tokenizer_.vocab_size() - 4), "masked");
  expect_share(left, chosen, 0.1 + 0.1 / (tokenizer_.vocab_size() - 4), "left as they are");
  expect_share(replaced, chosen, 0.1, "replaced");
  expect_share(special_chosen, 2 * kSamples, 0.15, "<s> and </s> are chosen like all other tokens");
  for (size_t k = 0; k < at.size(); ++k) EXPECT_NEAR(at[k], 300, 90) << "position " << k;
  // Every id from 4 on but <mask> (which counts as masked) is drawn about equally often; never the first
  // four.
  EXPECT_EQ(drawn.size(), static_cast<size_t>(tokenizer_.vocab_size() - 5));
  EXPECT_GE(drawn.begin()->first, 4);
}

TEST_F(MaskingTest, DependsOnSeedEpochAndSampleAlone) {
  const Masker masker(tokenizer_, {}), same(tokenizer_, {});
  const Masked first = mask(masker, 5, 2, 7);
  mask(masker, 9, 9, 9);
  EXPECT_EQ(mask(same, 5, 2, 7).ids, first.ids);
  EXPECT_EQ(mask(same, 5, 2, 7).positions, first.positions);
  EXPECT_NE(mask(masker, 6, 2, 7).positions, first.positions);
  std::set<std::vector<int32_t>> seen;
  for (int64_t epoch = 0; epoch < 40; ++epoch) seen.insert(mask(masker, 5, epoch, 7).positions);
  EXPECT_EQ(seen.size(), 40u) << "each epoch has other masks";
}

TEST_F(MaskingTest, EpochsAreIndependent) {
  const Masker masker(tokenizer_, {});
  int64_t both = 0, chosen = 0;
  for (int64_t i = 0; i < 500; ++i) {
    const std::vector<int32_t> a = mask(masker, 1, 0, i).positions, b = mask(masker, 1, 1, i).positions;
    std::vector<int32_t> common;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
    both += static_cast<int64_t>(common.size());
    chosen += static_cast<int64_t>(a.size());
  }
  expect_share(both, chosen, 0.15, "chosen again in the next epoch");
}

TEST_F(MaskingTest, ShortSamplesAreRoundedByChance) {
  const Masker masker(tokenizer_, {});
  int64_t chosen = 0;
  for (int64_t i = 0; i < 20000; ++i)
    chosen += static_cast<int64_t>(mask(masker, 3, 0, i, 3).positions.size());
  expect_share(chosen, 20000, 0.45, "of three tokens");
}

TEST_F(MaskingTest, Rates) {
  MaskingOptions options;
  options.mask_prob = 0.4;
  options.leave_unmasked_prob = 0;
  options.random_token_prob = 0;
  const Masked all = mask(Masker(tokenizer_, options), 1, 0, 0);
  EXPECT_TRUE(all.positions.size() == 204 || all.positions.size() == 205);
  for (const int32_t at : all.positions) EXPECT_EQ(all.ids[static_cast<size_t>(at)], tokenizer_.mask_id());
  options.mask_prob = 1;
  EXPECT_EQ(mask(Masker(tokenizer_, options), 1, 0, 0).positions.size(), static_cast<size_t>(kLength));
  options.mask_prob = 0;
  EXPECT_TRUE(mask(Masker(tokenizer_, options), 1, 0, 0).positions.empty());
  options.mask_prob = 1.5;
  EXPECT_ERROR(ErrorCode::kUsage, Masker(tokenizer_, options), "mask_prob", "1.5");
}

TEST_F(MaskingTest, ExcludesSpecialTokens) {
  MaskingOptions options;
  options.mask_prob = 1;
  options.exclude_special = true;
  const Masked result = mask(Masker(tokenizer_, options), 1, 0, 0);
  EXPECT_EQ(result.positions.size(), static_cast<size_t>(kLength - 2));
  EXPECT_EQ(result.positions.front(), 1);
}

TEST_F(MaskingTest, ReplacementDiffersWhereAsked) {
  MaskingOptions options;
  options.mask_prob = 1;
  options.leave_unmasked_prob = 0;
  options.random_token_prob = 1;
  options.random_differs = true;
  const Masker masker(tokenizer_, options);
  for (int64_t i = 0; i < 200; ++i) {
    const Masked result = mask(masker, 1, 0, i);
    for (size_t k = 0; k < result.ids.size(); ++k) {
      EXPECT_NE(result.ids[k], result.targets[k]);
      EXPECT_FALSE(tokenizer_.is_special(result.ids[k]));
    }
  }
}

TEST_F(MaskingTest, WholeWordsShareTheirFate) {
  MaskingOptions options;
  options.whole_word = true;
  const Masker masker(tokenizer_, options);
  std::vector<int32_t> ids = {tokenizer_.bos_id()};
  tokenizer_.encode_ids(" the zebra saw a quagga near Timbuktu", ids, false);
  std::vector<size_t> begins;  // of the words
  for (size_t i = 0; i < ids.size(); ++i)
    if (i == 0 || tokenizer_.id_to_token(ids[i]).starts_with("\xC4\xA0")) begins.push_back(i);
  ASSERT_EQ(begins.size(), 8u);
  begins.push_back(ids.size());
  int64_t words = 0;
  for (int64_t i = 0; i < 4000; ++i) {
    std::vector<int32_t> masked = ids, positions, targets;
    masker.mask(1, 0, i, masked, positions, targets);
    const std::set<int32_t> chosen(positions.begin(), positions.end());
    for (size_t w = 0; w + 1 < begins.size(); ++w) {
      size_t count = 0, masks = 0;
      for (size_t k = begins[w]; k < begins[w + 1]; ++k) {
        count += chosen.count(static_cast<int32_t>(k));
        masks += masked[k] == tokenizer_.mask_id();
      }
      ASSERT_TRUE(count == 0 || count == begins[w + 1] - begins[w]);
      words += count > 0;
      // All or none masked; a single one may be a random draw of <mask>.
      ASSERT_TRUE(masks <= 1 || masks == begins[w + 1] - begins[w]);
    }
  }
  expect_share(words, 4000 * 8, 0.15, "words");
}

}  // namespace
}  // namespace roberta
