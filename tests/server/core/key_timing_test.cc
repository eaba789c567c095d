// The time to compare a key does not reveal how much of it was guessed: Welch's t for two classes of wrong
// keys, one wrong in its first byte and one in its last, in random order (Reparaz, Balasch, Verbauwhede:
// "Dude, is my code constant time?").

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "server/core/auth.h"

namespace roberta::server {
namespace {

const std::string kKey(200, 'k');

struct Mean {
  double mean, variance;  // of the mean
};

Mean mean_of(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, squares / (n - 1) / n};
}

/// Without the slowest tenth, in which other programs ran.
double welch_t(std::vector<double> (&times)[2]) {
  std::vector<double> all = times[0];
  all.insert(all.end(), times[1].begin(), times[1].end());
  const auto cut = all.begin() + static_cast<ptrdiff_t>(all.size() * 9 / 10);
  std::nth_element(all.begin(), cut, all.end());
  for (auto& of_class : times) std::erase_if(of_class, [&](double t) { return t > *cut; });
  const Mean a = mean_of(times[0]), b = mean_of(times[1]);
  return (a.mean - b.mean) / std::sqrt(a.variance + b.variance);
}

double t_of(const std::function<bool(const std::string&)>& compare) {
  std::string wrong[2] = {"Bearer " + kKey, "Bearer " + kKey};
  wrong[0][7] = 'x';
  wrong[1].back() = 'x';
  std::vector<double> times[2];
  std::mt19937 random(1);
  std::string sent;
  int admitted = 0;
  for (int i = 0; i < 40000; ++i) {
    const unsigned which = random() & 1;
    sent = wrong[which];  // at the same address
    const auto start_time = std::chrono::steady_clock::now();
    for (int again = 0; again < 4; ++again) admitted += compare(sent);
    times[which].push_back(
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start_time).count());
  }
  EXPECT_EQ(admitted, 0);
  return std::abs(welch_t(times));
}

/// One of several tries: a busy machine causes outliers, a leak is always there.
double smallest_t(const std::function<bool(const std::string&)>& compare) {
  double t = t_of(compare);
  for (int i = 0; i < 4 && t >= 4.5; ++i) t = std::min(t, t_of(compare));
  return t;
}

TEST(KeyTiming, RevealsNothing) {
  const ApiKeys keys({kKey, "another-key"});
  EXPECT_LT(smallest_t([&](const std::string& sent) { return keys.authorizes(sent); }), 4.5);
}

TEST(KeyTiming, DetectsALeak) {
  const std::string right = "Bearer " + kKey;
  EXPECT_GT(smallest_t([&](const std::string& sent) {
              for (size_t i = 0; i < sent.size(); ++i) {
                if (*const_cast<const volatile char*>(&sent[i]) != right[i]) return false;
              }
              return true;
            }),
            4.5);
}

}  // namespace
}  // namespace roberta::server
