#include "core/rng.h"

#include <gtest/gtest.h>

#include <bit>

namespace roberta {
namespace {

// Random123's kat_vectors, philox4x32 10.
TEST(Philox, PublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, PlaceOfAnElement) {
  // Words of the counter: block (low, high), stream (low, high); of the key: seed (low, high).
  const Random random(0x299f31d0a4093822);
  EXPECT_EQ(random.block(0x0370734413198a2e, 0x85a308d3243f6a88),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  const PhiloxCounter block = random.block(7, 5);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(random.bits(7, 20 + i), block[i]);
  EXPECT_NE(random.bits(7, 20), random.bits(8, 20));
  EXPECT_NE(random.bits(7, 20), Random(1).bits(7, 20));
}

TEST(Random, LogarithmAndQuantile) {
  for (double x = 1e-12; x < 1e3; x *= 1.37)
    EXPECT_NEAR(exact_log(x), std::log(x), 1e-14 * (1 + std::abs(std::log(x))));
  // Quantiles of the normal distribution, from Python's statistics.NormalDist.
  const double known[][2] = {{0.5, 0},
                             {0.6, 0.2533471031357997},
                             {0.925, 1.4395314709384563},
                             {0.9251, 1.4402382675279632},
                             {0.975, 1.9599639845400536},
                             {0.001, -3.090232306167813},
                             {0x1p-33, -6.337957754553789}};
  for (const auto& [p, z] : known) EXPECT_NEAR(normal_quantile(p), z, 8e-7) << p;
}

TEST(Random, UniformNeverTouchesItsEnds) {
  EXPECT_GT(Random::uniform(0), 0);
  EXPECT_LT(Random::uniform(~0u), 1);
  EXPECT_TRUE(std::isfinite(Random::normal(0)));
  EXPECT_TRUE(std::isfinite(Random::normal(~0u)));
}

TEST(Random, MomentsOfTheNormal) {
  const Random random(42);
  const int n = 200000;
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0, before = 0;
  for (int i = 0; i < n; ++i) {
    const double z = Random::normal(random.bits(3, static_cast<uint64_t>(i)));
    sum += z, squares += z * z, cubes += z * z * z, fourths += z * z * z * z;
    neighbours += z * before;
    before = z;
  }
  EXPECT_NEAR(sum / n, 0, 0.01);  // about 5 standard errors each
  EXPECT_NEAR(squares / n, 1, 0.016);
  EXPECT_NEAR(cubes / n, 0, 0.045);
  EXPECT_NEAR(fourths / n, 3, 0.11);
  EXPECT_NEAR(neighbours / n, 0, 0.012);
}

// The same bits on every machine, compiler and kernel path: written down once.
TEST(Random, KnownBits) {
  const Random random(1);
  EXPECT_EQ(random.bits(0, 0), 0xe3e80670u);
  EXPECT_EQ(std::bit_cast<uint64_t>(Random::normal(random.bits(0, 0))), 0x3ff3a5826c96aac6ull);
  EXPECT_EQ(std::bit_cast<uint64_t>(Random::normal(3)), 0xc0181fb5a3675dcfull);
}

}  // namespace
}  // namespace roberta
