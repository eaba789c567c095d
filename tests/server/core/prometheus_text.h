#pragma once
// A parser of Prometheus's text format 0.0.4 that reports every violation.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace roberta::server {

class PrometheusText {
 public:
  explicit PrometheusText(const std::string& text) {
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# HELP ")) {
        start_family(line.substr(7));
      } else if (line.starts_with("# TYPE ")) {
        set_type(line.substr(7));
      } else {
        add_sample(line);
      }
    }
    for (const auto& [name, type] : types_) {
      if (type == "histogram") check_histogram(name);
    }
  }

  std::string type(const std::string& name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? "" : found->second;
  }
  const std::map<std::string, double>& samples() const { return samples_; }
  /// By name with labels as written; fails the test when absent.
  double value(const std::string& sample) const {
    const auto found = samples_.find(sample);
    if (found == samples_.end()) {
      ADD_FAILURE() << "no sample " << sample;
      return NAN;
    }
    return found->second;
  }

 private:
  static bool is_name(const std::string& name) {
    static const std::regex kName("[a-zA-Z_:][a-zA-Z0-9_:]*");
    return std::regex_match(name, kName);
  }
  void start_family(const std::string& rest) {
    family_ = rest.substr(0, rest.find(' '));
    EXPECT_TRUE(is_name(family_)) << rest;
    EXPECT_TRUE(helped_.insert(family_).second) << "duplicate family: " << family_;
    EXPECT_NE(rest.find(' '), std::string::npos) << "no help: " << rest;
  }
  void set_type(const std::string& rest) {
    const std::string name = rest.substr(0, rest.find(' ')), type = rest.substr(rest.find(' ') + 1);
    EXPECT_EQ(name, family_);
    EXPECT_TRUE(type == "counter" || type == "gauge" || type == "histogram") << rest;
    EXPECT_TRUE(types_.emplace(name, type).second) << rest;
  }
  void add_sample(const std::string& line) {
    static const std::regex kSample(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})?) (\S+))re");
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, kSample)) << line;
    std::string base = parts[1];
    if (types_[family_] == "histogram") {
      for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
        if (base == family_ + suffix) base = family_;
      }
    }
    EXPECT_EQ(base, family_) << "a sample outside its family: " << line;
    size_t used = 0;
    const std::string number = parts[3];
    const double value = number == "NaN" ? NAN : std::stod(number, &used);
    EXPECT_TRUE(number == "NaN" || used == number.size()) << line;
    EXPECT_FALSE(types_[family_] == "counter" && value < 0) << line;
    EXPECT_TRUE(samples_.emplace(parts[1].str() + parts[2].str(), value).second) << "twice: " << line;
    order_.push_back({parts[1].str() + parts[2].str(), value});
  }
  void check_histogram(const std::string& name) const {
    double last_bound = -INFINITY, last = 0;
    for (const auto& [sample, value] : order_) {
      const std::string head = name + "_bucket{le=\"";
      if (!sample.starts_with(head)) continue;
      const double bound = std::stod(sample.substr(head.size()));
      EXPECT_GT(bound, last_bound) << sample;
      EXPECT_GE(value, last) << sample;
      last_bound = bound, last = value;
    }
    EXPECT_TRUE(std::isinf(last_bound)) << name;
    EXPECT_EQ(value(name + "_count"), last) << name;
    value(name + "_sum");
  }

  std::string family_;
  std::set<std::string> helped_;
  std::map<std::string, std::string> types_;
  std::map<std::string, double> samples_;
  std::vector<std::pair<std::string, double>> order_;
};

}  // namespace roberta::server
