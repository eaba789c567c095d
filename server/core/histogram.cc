// Histogram, and numbers and names in Prometheus's text format.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "server/core/metrics.h"

namespace roberta::server {

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(new std::atomic<uint64_t>[bounds_.size() + 1]()) {}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (size_t i = 0; i <= bounds_.size(); ++i) total += counts_[i].load(std::memory_order_relaxed);
  return total;
}

double Histogram::sum() const { return sum_.load(std::memory_order_relaxed); }

double Histogram::quantile(double q) const {
  const double rank = q * static_cast<double>(count());
  double below = 0;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    const auto here = static_cast<double>(counts_[i].load(std::memory_order_relaxed));
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : bounds_[i - 1];
      return low + (bounds_[i] - low) * std::max(0.0, rank - below) / here;
    }
    below += here;
  }
  return below == 0 && rank == 0 ? 0 : bounds_.back();  // above all bounds
}

void Histogram::write(std::string& out, std::string_view name, std::string_view help) const {
  append_metric_head(out, name, help, "histogram");
  uint64_t total = 0;  // of the values read here, so that buckets and count agree while others are counting
  for (size_t i = 0; i <= bounds_.size(); ++i) {
    total += counts_[i].load(std::memory_order_relaxed);
    out += std::string(name) + "_bucket{le=\"";
    append_metric_number(out, i < bounds_.size() ? bounds_[i] : INFINITY);
    out += "\"} " + std::to_string(total) + "\n";
  }
  out += std::string(name) + "_sum ";
  append_metric_number(out, sum());
  out += "\n" + std::string(name) + "_count " + std::to_string(total) + "\n";
}

std::vector<double> duration_buckets() {
  std::vector<double> out;
  double bound = 1e-5;
  for (int i = 0; i < 35; ++i, bound *= 1.5) out.push_back(bound);
  return out;
}

std::vector<double> size_buckets(int powers) {
  std::vector<double> out;
  for (int i = 0; i < powers; ++i) out.push_back(std::ldexp(1.0, i));
  return out;
}

std::string escape_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

void append_metric_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char text[40];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  }
}

void append_metric_head(std::string& out, std::string_view name, std::string_view help,
                        std::string_view type) {
  out += "# HELP ";
  out += name;
  out += ' ';
  out += help;
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

}  // namespace roberta::server
